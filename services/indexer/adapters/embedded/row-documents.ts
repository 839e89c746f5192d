import type { IndexDocument } from '../../documents.ts'
import type { StatementEvents } from '../../statement.ts'

export type Row = Readonly<Record<string, unknown>>

export function documentIn(json: unknown): IndexDocument {
  return JSON.parse(String(json)) as IndexDocument
}

export function documentOrNull(json: unknown): IndexDocument | null {
  return json === null ? null : documentIn(json)
}

/** Of a row with the documents of a statement's decision and completion beside its own. */
export function rolesOf(row: Row): Pick<StatementEvents, 'decided' | 'completed'> {
  return {
    decided: documentOrNull(row['decided']),
    completed: documentOrNull(row['completed']),
  }
}
