import { Button, useComputedColorScheme, useMantineColorScheme } from '@mantine/core'

export function SchemeButton() {
  const { setColorScheme } = useMantineColorScheme()
  const other = useComputedColorScheme('light') === 'light' ? 'dark' : 'light'
  return (
    <Button
      size="xs"
      variant="subtle"
      color="gray"
      c="inherit"
      onClick={() => {
        setColorScheme(other)
      }}
    >
      {other === 'dark' ? 'Dark' : 'Light'}
    </Button>
  )
}
