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
    forgotten: { symbol: '⊘', word: 'over: its edge has restarted', color: 'gray' },
  }

const broken = { symbol: '⚡', color: 'orange' }
const overridden: typeof states = {
  ...states,
  granted: { ...broken, word: 'break-glass, not used yet' },
  expired: { ...broken, word: 'break-glass, not used in time' },
  used: { ...broken, word: 'break-glass, used' },
}

interface ApprovalStateProps {
  readonly state: Approval['state']
  /** Nobody approved it: whoever asks has broken the glass. */
  readonly isOverridden: boolean
}

export function ApprovalState({ state, isOverridden }: ApprovalStateProps) {
  const { symbol, word, color } = isOverridden ? overridden[state] : states[state]
  return (
    <Badge color={color} variant="light" leftSection={<span aria-hidden>{symbol}</span>}>
      {word}
    </Badge>
  )
}
