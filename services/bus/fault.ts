/**
 * What of a handler's error may be logged: its name, its code and where it was thrown. Not the message, which may quote
 * the record: a parser's does.
 */
export function describeFault(error: unknown): Readonly<Record<string, unknown>> {
  if (!(error instanceof Error)) return { name: typeof error }
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {}
  const cause = error.cause === undefined ? {} : { cause: describeFault(error.cause) }
  const at = error.stack?.split('\n').filter((line) => line.startsWith('    at '))
  return { name: error.name, ...code, at: at?.slice(0, 8).map((line) => line.trim()), ...cause }
}
