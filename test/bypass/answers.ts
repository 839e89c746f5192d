import { decodeBackend } from '../../services/edge/postgres/protocol/backend.ts'
import type { ReportFields } from '../../services/edge/postgres/protocol/backend.ts'

/** What came up to one ReadyForQuery, or to the end of the connection. */
export interface Answer {
  /** Type bytes in order, such as `TDCZ`. */
  readonly types: string
  readonly errors: readonly ReportFields[]
  readonly rows: readonly (readonly (Buffer | null)[])[]
  /** False for what the end of the connection cut off. */
  readonly isComplete: boolean
}

/** The messages of one connection without TLS, from the edge's first byte on. The first answer is that of the startup. */
export function answersIn(bytes: Buffer): readonly Answer[] {
  const answers: Answer[] = []
  let types = ''
  let errors: ReportFields[] = []
  let rows: (readonly (Buffer | null)[])[] = []
  const finish = (isComplete: boolean): void => {
    answers.push({ types, errors, rows, isComplete })
    types = ''
    errors = []
    rows = []
  }
  for (let at = 0; at + 5 <= bytes.length;) {
    const type = bytes[at] ?? 0
    const end = at + 1 + bytes.readUInt32BE(at + 1)
    if (end > bytes.length) break
    types += String.fromCharCode(type)
    const message = decodeBackend(type, bytes, at, end)
    if (message?.type === 'error') errors.push(message.fields)
    if (message?.type === 'data-row') rows.push(message.values)
    if (message?.type === 'ready-for-query') finish(true)
    at = end
  }
  if (types !== '') finish(false)
  return answers
}

/** The edge itself says no: its SQLSTATE, and a hint that names the decision. */
export function isRefusal(fields: ReportFields): boolean {
  const isOurs = fields.get('H')?.startsWith('affidavit decision ') === true
  return isOurs || fields.get('M')?.startsWith('session ended: ') === true
}
