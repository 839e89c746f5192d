import { Badge } from '@mantine/core'

import type { Approval } from '../api/shapes.ts'

/** Symbol and word carry the meaning, the colour only repeats it. */
const states: Readonly<Record<Approval['state'], { symbol: string; word: string; color: string }>> =
  {
    pending: { symbol: '‖', word: 'waiting', color: 'yellow' },
    granted: { symbol: '✓', word: 'approved, not used yet', color: 'teal' },
    denied: { symbol: '⊘', word: 'denied', color: 'red' },
    expired: { symbol: '⌛', word: 'expired', color: 'gray' },
    used: { symbol: '✓', word: 'approved and used', color: 'teal' },
  }

export function ApprovalState({ state }: { readonly state: Approval['state'] }) {
  const { symbol, word, color } = states[state]
  return (
    <Badge color={color} variant="light" leftSection={<span aria-hidden>{symbol}</span>}>
      {word}
    </Badge>
  )
}
