import { TextInput } from '@mantine/core'

interface ReasonFieldProps {
  readonly label?: string
  readonly value: string
  readonly onChange: (reason: string) => void
  /** Characters, as the api takes them. Default 2,000. */
  readonly maxLength?: number
}

/** What has to be said with whatever is decided here. */
export function ReasonField({
  label = 'Reason',
  maxLength = 2_000,
  value,
  onChange,
}: ReasonFieldProps) {
  return (
    <TextInput
      label={label}
      description="It is recorded with your name"
      required
      maxLength={maxLength}
      // Where the buttons beside it leave less, they go below it.
      flex="1 1 16rem"
      maw={480}
      value={value}
      onChange={(event) => {
        onChange(event.currentTarget.value)
      }}
    />
  )
}
