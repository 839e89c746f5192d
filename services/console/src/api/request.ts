import { ProblemError } from './problem-error.ts'

export type Parameters = Readonly<Record<string, string | number | null | undefined>>

/** Throws a `ProblemError` for everything but a 2xx with JSON. */
export async function getJson<T>(
  path: string,
  parameters: Parameters = {},
  signal?: AbortSignal,
): Promise<T> {
  const response = await answer(withParameters(path, parameters), { signal: signal ?? null })
  return (await response.json()) as T
}

export async function postJson<T>(path: string, body: unknown): Promise<T> {
  const response = await answer(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return (await response.json()) as T
}

export async function postNothing(path: string): Promise<void> {
  await answer(path, { method: 'POST' })
}

/** Absent and blank parameters are left out. */
function withParameters(path: string, parameters: Parameters): string {
  const given = Object.entries(parameters).filter(
    (entry): entry is [string, string | number] =>
      entry[1] !== undefined && entry[1] !== null && entry[1] !== '',
  )
  if (given.length === 0) return path
  return `${path}?${new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString()}`
}

async function answer(path: string, init: RequestInit): Promise<Response> {
  let response: Response
  try {
    response = await fetch(path, { ...init, credentials: 'same-origin' })
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause
    throw new ProblemError(
      0,
      'Affidavit does not answer',
      'Check that it is running and that this machine reaches it, then try again.',
      { cause },
    )
  }
  if (!response.ok) throw await problemOf(response)
  return response
}

async function problemOf(response: Response): Promise<ProblemError> {
  const problem = (await response.json().catch(() => null)) as {
    title?: unknown
    detail?: unknown
  } | null
  return new ProblemError(
    response.status,
    typeof problem?.title === 'string' ? problem.title : `The answer was ${response.status}`,
    typeof problem?.detail === 'string' ? problem.detail : 'It gave no reason. Try again.',
  )
}
