/** The parts of a decoded `session.started` that the page shows; the event comes as it was sealed, so each part is looked for. */
export interface StartedEvent {
  readonly policyDigest: string | null
  readonly purpose: string | null
  readonly tls: string | null
  readonly application: string | null
  readonly role: string | null
}

export function startedEvent(event: unknown): StartedEvent {
  return {
    policyDigest: textAt(event, 'policy_digest'),
    purpose: textAt(event, 'purpose'),
    tls: textAt(event, 'source', 'tls'),
    application: textAt(event, 'session', 'application'),
    role: textAt(event, 'session', 'role'),
  }
}

function textAt(value: unknown, ...path: readonly string[]): string | null {
  let found = value
  for (const name of path) {
    if (typeof found !== 'object' || found === null) return null
    found = (found as Record<string, unknown>)[name]
  }
  return typeof found === 'string' && found !== '' ? found : null
}
