let cachedSecond = -1
let cachedText = ''

/** RFC 3339 in UTC with microseconds, of microseconds since 1970. Calls for nearby times are cheap: the second is kept. */
export function formatMicroseconds(us: number): string {
  const second = Math.floor(us / 1_000_000)
  if (second !== cachedSecond) {
    cachedText = new Date(second * 1000).toISOString().slice(0, -4)
    cachedSecond = second
  }
  const fraction = us - second * 1_000_000
  return `${cachedText}${String(fraction).padStart(6, '0')}Z`
}

/** Whether `formatMicroseconds` can write this time; safe integers end in the year 2255. */
export function isFormattable(us: number): boolean {
  return Number.isSafeInteger(us) && us >= 0
}

/** The other way; null when the text is not of that form. */
export function parseMicroseconds(text: string): number | null {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(text)) return null
  const ms = Date.parse(`${text.slice(0, 19)}Z`)
  return Number.isNaN(ms) ? null : ms * 1000 + Number(text.slice(20, 26))
}
