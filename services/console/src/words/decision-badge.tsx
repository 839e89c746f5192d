import { Badge } from '@mantine/core'

/** Symbol and word carry the meaning, the colour only repeats it. */
const decisions: Readonly<Record<string, { symbol: string; word: string; color: string }>> = {
  allow: { symbol: '✓', word: 'allowed', color: 'teal' },
  block: { symbol: '⊘', word: 'blocked', color: 'red' },
  hold: { symbol: '‖', word: 'held', color: 'yellow' },
  mask: { symbol: '▒', word: 'masked', color: 'violet' },
}

export function DecisionBadge({ decision }: { readonly decision: string }) {
  const { symbol, word, color } = decisions[decision] ?? {
    symbol: '?',
    word: decision === '' || decision === 'unknown' ? 'not decided' : decision,
    color: 'gray',
  }
  return (
    <Badge color={color} variant="light" leftSection={<span aria-hidden>{symbol}</span>}>
      {word}
    </Badge>
  )
}
