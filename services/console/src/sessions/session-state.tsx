import { Badge } from '@mantine/core'

interface SessionStateProps {
  readonly endedAtMs: number | null
  readonly outcome: string | null
}

const words: Readonly<Record<string, { word: string; color: string }>> = {
  closed: { word: 'closed', color: 'gray' },
  expired: { word: 'expired', color: 'yellow' },
  revoked: { word: 'revoked', color: 'red' },
  protocol_error: { word: 'protocol error', color: 'red' },
  target_lost: { word: 'target lost', color: 'orange' },
  edge_stopped: { word: 'edge stopped', color: 'orange' },
  unknown: { word: 'end unknown', color: 'orange' },
}

export function SessionState({ endedAtMs, outcome }: SessionStateProps) {
  if (endedAtMs === null) {
    return (
      <Badge color="blue" variant="light" leftSection={<span aria-hidden>▶</span>}>
        running
      </Badge>
    )
  }
  const { word, color } = words[outcome ?? 'unknown'] ?? { word: outcome ?? '', color: 'gray' }
  return (
    <Badge color={color} variant="light">
      {word}
    </Badge>
  )
}
