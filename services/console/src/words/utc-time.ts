/** `2026-11-25 17:06:47.123`: absolute, UTC, with milliseconds; the zone stands in the heading or behind it. */
export function utcTime(timeMs: number): string {
  return new Date(timeMs).toISOString().replace('T', ' ').replace('Z', '')
}

/** The value of an `<input type="datetime-local">`, read as UTC. */
export function utcInput(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 19)
}

export function utcFromInput(value: string): number | null {
  if (value === '') return null
  const timeMs = Date.parse(`${value}Z`)
  return Number.isNaN(timeMs) ? null : timeMs
}
