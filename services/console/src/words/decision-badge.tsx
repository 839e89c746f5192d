import { Badge } from '@mantine/core'

import type { Statement } from '../api/shapes.ts'

/** Symbol and word carry the meaning, the colour only repeats it. */
const decisions: Readonly<Record<string, { symbol: string; word: string; color: string }>> = {
  allow: { symbol: '✓', word: 'allowed', color: 'teal' },
  block: { symbol: '⊘', word: 'blocked', color: 'red' },
  hold: { symbol: '‖', word: 'held', color: 'yellow' },
  mask: { symbol: '▒', word: 'masked', color: 'violet' },
}

interface DecisionBadgeProps {
  readonly decision: string
  /** What the answer had of masked values; null where that is not known. */
  readonly masked: Statement['masked']
}

export function DecisionBadge({ decision, masked }: DecisionBadgeProps) {
  // A rule that masks is for all that its people read; where it met nothing to mask, the answer went out as it was.
  const shown = decision === 'mask' && masked?.length === 0 ? 'allow' : decision
  const { symbol, word, color } = decisions[shown] ?? {
    symbol: '?',
    word: shown === '' || shown === 'unknown' ? 'not decided' : shown,
    color: 'gray',
  }
  return (
    <Badge color={color} variant="light" leftSection={<span aria-hidden>{symbol}</span>}>
      {word}
    </Badge>
  )
}
