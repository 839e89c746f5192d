import type { Statement } from '../query.ts'
import { sqlPieces } from './sql-pieces.ts'

/**
 * What a part of a request did to the transaction of its session. `work` is done in it; `prepare` leaves what becomes of it to
 * another session; `aside` is none of these, such as what failed.
 */
export type TransactionStep =
  | { readonly does: 'begin' | 'work' | 'prepare' | 'aside' }
  | {
      readonly does: 'commit' | 'rollback'
      /** Whether another transaction begins at once. */
      readonly isChained: boolean
    }
  | {
      readonly does: 'savepoint' | 'release' | 'rollback_to'
      /** Of the savepoint; null where it cannot be compared for certain, such as a quoted one. */
      readonly name: string | null
    }

export type Completed = Pick<
  Statement,
  'operation' | 'outcome' | 'commandTag' | 'statement' | 'statementBytes' | 'errorCode'
>

/** Whether such a statement may begin or end a transaction, or set a savepoint: no other tells what became of one. */
export function touchesTransactions(operation: string): boolean {
  return operation.split(',').some((kind) => unclear.has(kind) || ofTransactions.has(kind))
}

/** In order; null where the target's words and the text do not tell it for certain. */
export function transactionSteps(statement: Completed): readonly TransactionStep[] | null {
  const { outcome, commandTag } = statement
  const kinds = statement.operation.split(',')
  if (kinds.some((kind) => unclear.has(kind))) return null
  if (kinds.every((kind) => notRun.has(kind))) return []
  if (!kinds.some((kind) => ofTransactions.has(kind))) return [{ does: 'work' }]
  const hasFailed = outcome === 'error' || outcome === 'cancelled'
  if (outcome !== 'ok' && !hasFailed) return null
  const pieces = isCut(statement) ? null : sqlPieces(statement.statement)
  const tags = commandTag?.split('; ') ?? []
  // Of what failed there is one piece more that was begun, and there may be some that were not.
  if (pieces === null || tags.some((tag) => tag.endsWith('…'))) return null
  if (pieces.some((piece) => compound.test(piece))) return null
  if (hasFailed ? pieces.length <= tags.length : pieces.length !== tags.length) return null
  const steps = tags.map((tag, place) => stepOf(tag, pieces[place] ?? ''))
  if (hasFailed) steps.push(stepThatFailed(pieces[tags.length] ?? '', statement.errorCode ?? ''))
  return steps.includes(null) ? null : steps.filter((each) => each !== null)
}

/** What nobody could read, or who knows what stands behind. */
const unclear: ReadonlySet<string> = new Set(['unparsed', 'unknown', ''])
const notRun: ReadonlySet<string> = new Set(['parse', 'bind', 'cancel', 'empty'])
const ofTransactions: ReadonlySet<string> = new Set([
  'begin',
  'commit',
  'rollback',
  'savepoint',
  'release',
  'prepare_transaction',
  'commit_prepared',
  'rollback_prepared',
])

/** Words of statements that may have others in them, with their semicolons: bodies of routines, and rules. */
const compound = /\b(?:atomic|rule)\b/
const end = /^(?:commit|end|rollback|abort)(?: work| transaction)?(?: and (no )?chain)?$/
const toSavepoint = /^rollback(?: work| transaction)? to (?:savepoint )?(\S+)$/
const ofSavepoint = /^(?:savepoint|release(?: savepoint)?) (\S+)$/
/** Others are cut, or written small in ways of their own. */
const plainName = /^[a-z_][a-z0-9_]{0,62}$/

function stepOf(tag: string, piece: string): TransactionStep | null {
  switch (tag) {
    case 'BEGIN':
    case 'START TRANSACTION':
      return { does: 'begin' }
    case 'COMMIT':
    case 'ROLLBACK': {
      if (tag === 'ROLLBACK' && toSavepoint.test(piece)) {
        return { does: 'rollback_to', name: nameIn(toSavepoint, piece) }
      }
      // As the answer to a failed transaction.
      if (tag === 'ROLLBACK' && piece.startsWith('prepare transaction ')) return rollback
      const [whole, no] = end.exec(piece) ?? []
      if (whole === undefined) return null
      const isChained = no === undefined && whole.endsWith(' chain')
      return { does: tag === 'COMMIT' ? 'commit' : 'rollback', isChained }
    }
    case 'PREPARE TRANSACTION':
      return { does: 'prepare' }
    case 'SAVEPOINT':
      return { does: 'savepoint', name: nameIn(ofSavepoint, piece) }
    case 'RELEASE':
      return { does: 'release', name: nameIn(ofSavepoint, piece) }
    case 'COMMIT PREPARED':
    case 'ROLLBACK PREPARED':
      return { does: 'aside' }
    default:
      return { does: 'work' }
  }
}

function nameIn(pattern: RegExp, piece: string): string | null {
  const name = pattern.exec(piece)?.[1] ?? ''
  return plainName.test(name) ? name : null
}

const rollback: TransactionStep = { does: 'rollback', isChained: false }

/** A commit that fails rolls back, unless the answer to it was lost with the connection. */
function stepThatFailed(piece: string, errorCode: string): TransactionStep | null {
  const isEnd = /^(?:commit|end|prepare transaction)\b/.test(piece) && !/ prepared\b/.test(piece)
  if (!isEnd) return { does: 'aside' }
  return /^(?:08|57P|58|XX)/.test(errorCode) || errorCode === '' ? null : rollback
}

function isCut({ statement, statementBytes }: Completed): boolean {
  return new TextEncoder().encode(statement).length !== statementBytes
}
