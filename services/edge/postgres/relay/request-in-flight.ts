import type { CompletionOutcome, RequestPart } from '../../../../schemas/event.ts'
import { MaskedAnswer } from '../masking/masked-answer.ts'
import type { ResponseRecord } from './response-record.ts'
import type { Statement } from '../statements/statements.ts'

export type RequestMode = RequestPart['mode']

/** A request that was recorded and whose completion was not, with what is known of its answer so far. */
export class RequestInFlight {
  readonly id: string
  readonly statement: Statement | null
  readonly startedUs: number
  readonly response: ResponseRecord
  /** Null when its answer goes out as it comes. */
  readonly mask: MaskedAnswer | null
  rows = 0
  bytesIn = 0
  bytesOut = 0
  tag: string | null = null
  errorCode: string | null = null
  errorMessage: string | null = null
  /** Set once, with the completion. */
  isCompleted = false
  #rowsOfStatement = 0

  constructor(
    id: string,
    statement: Statement | null,
    startedUs: number,
    response: ResponseRecord,
  ) {
    this.id = id
    this.statement = statement
    const plan = statement?.verdict.mask ?? null
    this.mask = plan === null ? null : new MaskedAnswer(plan)
    this.startedUs = startedUs
    this.response = response
  }

  addRow(bytes: Buffer, start: number, end: number): void {
    this.#rowsOfStatement++
    this.bytesOut += end - start
    this.response.add(bytes, start, end)
  }

  addRowPart(bytes: Buffer, start: number, end: number, isFirst: boolean): void {
    if (isFirst) this.#rowsOfStatement++
    this.bytesOut += end - start
    this.response.add(bytes, start, end)
  }

  /** One statement of the request has ended. A tag without rows counts what was written: `INSERT 0 5`, `COPY 7`. */
  endStatement(tag: string | null): void {
    if (tag !== null) {
      this.tag = this.tag === null ? tag : cut(`${this.tag}; ${tag}`)
      if (this.#rowsOfStatement === 0) this.rows += countOf(tag)
    }
    this.rows += this.#rowsOfStatement
    this.#rowsOfStatement = 0
  }

  fail(code: string, message: string): void {
    this.errorCode ??= code
    this.errorMessage ??= message
  }

  outcome(): CompletionOutcome {
    if (this.errorCode === null) return 'ok'
    return this.errorCode === queryCanceled ? 'cancelled' : 'error'
  }
}

const queryCanceled = '57014'
const maxTagCharacters = 200

function cut(tag: string): string {
  return tag.length <= maxTagCharacters ? tag : `${tag.slice(0, maxTagCharacters - 1)}…`
}

function countOf(tag: string): number {
  const last = tag.charCodeAt(tag.length - 1)
  if (last < 0x30 || last > 0x39) return 0
  const count = Number(tag.slice(tag.lastIndexOf(' ') + 1))
  return Number.isSafeInteger(count) ? count : 0
}
