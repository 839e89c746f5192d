/** What to write where `instantOf` gives null. */
export const instantExpected =
  'expected a time with its zone, such as 2026-11-25T08:00:00Z, or a day such as 2026-11-25, which begins in UTC'

/**
 * A time that somebody wrote, in milliseconds since 1970: RFC 3339, or a day alone. Null for what says no zone, which would be another
 * time on another machine, and for days that no calendar has.
 */
export function instantOf(text: string): number | null {
  const [, day] =
    /^(\d{4}-\d{2}-\d{2})(?:[Tt ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:[Zz]|[+-]\d{2}:\d{2}))?$/.exec(
      text,
    ) ?? []
  if (day === undefined) return null
  const dayMs = Date.parse(`${day}T00:00:00Z`)
  const ms = Date.parse(text)
  if (Number.isNaN(dayMs) || Number.isNaN(ms)) return null
  return new Date(dayMs).toISOString().startsWith(day) ? ms : null
}
