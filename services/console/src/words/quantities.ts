const grouped = new Intl.NumberFormat('en')

export function count(value: number): string {
  return grouped.format(value)
}

/** `1 row`, `2 rows` */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`
}

/** `3 email, 3 phone masked`; empty where nothing was. */
export function maskedValues(
  masked: readonly { readonly dataClass: string; readonly count: number }[] | null,
): string {
  if (masked === null || masked.length === 0) return ''
  const values = masked.map((each) => `${count(each.count)} ${each.dataClass}`)
  return `${values.join(', ')} masked`
}

export function durationUs(us: number): string {
  if (us < 1_000) return `${us} µs`
  if (us < 1_000_000) return `${(us / 1_000).toFixed(us < 10_000 ? 2 : 1)} ms`
  return durationMs(us / 1_000)
}

export function durationMs(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  const seconds = ms / 1_000
  if (seconds < 60) return `${seconds.toFixed(2)} s`
  const whole = Math.floor(seconds)
  const [hours, minutes, rest] = [
    Math.floor(whole / 3_600),
    Math.floor(whole / 60) % 60,
    whole % 60,
  ]
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${rest} s`
}

export function bytes(value: number): string {
  if (value < 1_024) return `${count(value)} B`
  if (value < 1_048_576) return `${(value / 1_024).toFixed(1)} KiB`
  return `${(value / 1_048_576).toFixed(1)} MiB`
}
