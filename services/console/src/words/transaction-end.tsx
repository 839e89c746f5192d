import { Alert, Badge } from '@mantine/core'

import type { Statement } from '../api/shapes.ts'

type TransactionEnd = NonNullable<Statement['transaction']>

interface Words {
  readonly symbol: string
  readonly word: string
  readonly color: string
  readonly title: string
}

/** What lasts needs no word. */
const words: Readonly<Record<TransactionEnd['state'], Words | null>> = {
  committed: null,
  rolled_back: {
    symbol: '↶',
    word: 'rolled back',
    color: 'orange',
    title: 'Ran, and was rolled back',
  },
  not_committed: {
    symbol: '↶',
    word: 'not committed',
    color: 'orange',
    title: 'Ran, and was not committed',
  },
  open: {
    symbol: '…',
    word: 'not committed yet',
    color: 'blue',
    title: 'Ran, in a transaction that has not ended yet',
  },
  unknown: {
    symbol: '?',
    word: 'committed or not: unknown',
    color: 'gray',
    title: 'Ran; whether it was committed is not known',
  },
}

/** Beside the outcome of a statement that ran: where what it did did not last, or may not. */
export function TransactionBadge({ transaction }: Pick<Statement, 'transaction'>) {
  const said = transaction === null ? null : words[transaction.state]
  if (said === null) return null
  return (
    <Badge color={said.color} variant="light" leftSection={<span aria-hidden>{said.symbol}</span>}>
      {said.word}
    </Badge>
  )
}

interface TransactionAlertProps extends Pick<Statement, 'transaction'> {
  /** Number of the statement that ended it, from 1; null where none did, or it is not shown. */
  readonly by: number | null
}

export function TransactionAlert({ transaction, by }: TransactionAlertProps) {
  const said = transaction === null ? null : words[transaction.state]
  if (transaction === null || said === null) return null
  return (
    <Alert color={said.color} title={said.title} icon={<span aria-hidden>{said.symbol}</span>}>
      {why(transaction.state, by)} This is told from what was recorded of the session.
    </Alert>
  )
}

const lost = 'What it changed did not last; what it answered was answered.'

function why(state: TransactionEnd['state'], by: number | null): string {
  switch (state) {
    case 'rolled_back':
      return `It was rolled back by ${by === null ? 'a later statement' : `statement ${by}`}. ${lost}`
    case 'not_committed':
      return `The session ended inside its transaction, and no COMMIT of it is recorded. ${lost}`
    case 'open':
      return 'No COMMIT or ROLLBACK of it is recorded so far.'
    case 'unknown':
      return 'Its transaction was left in a way that texts and answers do not tell for certain, or not in one way for all of it.'
    case 'committed':
      return ''
  }
}
