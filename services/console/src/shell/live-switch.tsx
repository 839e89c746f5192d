import { Group, Switch, Text } from '@mantine/core'
import { useLocalStorage } from '@mantine/hooks'

import { useLive } from '../api/live.ts'
import type { LiveState } from '../api/live.ts'

const says: Readonly<Record<LiveState, string>> = {
  off: 'Not updating',
  connecting: 'Connecting …',
  on: 'Updating as it happens',
  lost: 'Connection lost: turn off and on, or reload',
}

export function LiveSwitch() {
  const [isOn, setOn] = useLocalStorage({ key: 'affidavit-live', defaultValue: true })
  const state = useLive(isOn)
  return (
    <Group gap="xs">
      <Switch
        label="Live"
        checked={isOn}
        onChange={(event) => {
          setOn(event.currentTarget.checked)
        }}
      />
      <Text size="sm" c="dimmed" role="status">
        {says[state]}
      </Text>
    </Group>
  )
}
