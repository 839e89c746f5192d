import { Badge } from '@mantine/core'

const outcomes: Readonly<Record<string, { symbol: string; word: string; color: string }>> = {
  ok: { symbol: '✓', word: 'ok', color: 'teal' },
  error: { symbol: '!', word: 'error', color: 'orange' },
  cancelled: { symbol: '■', word: 'cancelled', color: 'gray' },
  refused: { symbol: '✕', word: 'refused', color: 'red' },
  unknown: { symbol: '?', word: 'unknown', color: 'gray' },
}

/** How a statement ended; null while it runs. */
export function OutcomeBadge({ outcome }: { readonly outcome: string | null }) {
  const { symbol, word, color } =
    outcome === null
      ? { symbol: '…', word: 'running', color: 'blue' }
      : (outcomes[outcome] ?? { symbol: '?', word: outcome, color: 'gray' })
  return (
    <Badge color={color} variant="outline" leftSection={<span aria-hidden>{symbol}</span>}>
      {word}
    </Badge>
  )
}
