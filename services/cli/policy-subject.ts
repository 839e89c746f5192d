import type { PolicyTestActor } from '../../schemas/policy-test.ts'
import type { StatementSubject } from '../edge/postgres/statements/statement-policy.ts'

export interface SubjectParts {
  readonly actor: PolicyTestActor
  readonly target: string
  readonly database?: string | undefined
  readonly role?: string | undefined
  readonly searchPath?: string | undefined
  readonly purpose?: string | undefined
  readonly labels?: readonly string[] | undefined
}

/** Who asks, and where, from what was typed. */
export function subjectOf(parts: SubjectParts): StatementSubject {
  const { actor, role } = parts
  const issuer = actor.issuer ?? ''
  return {
    actor: {
      kind: actor.kind,
      subject: actor.subject,
      issuer,
      display: actor.display ?? null,
      groups: actor.groups ?? [],
      on_behalf_of: (actor.on_behalf_of ?? []).map((subject) => ({
        kind: 'human',
        subject,
        issuer,
        display: null,
      })),
      client: null,
      runtime: null,
    },
    target: parts.target,
    database: parts.database ?? parts.target,
    ...(role === undefined ? {} : { role }),
    searchPath: parts.searchPath ?? null,
    purpose: parts.purpose ?? null,
    dataLabels: parts.labels ?? [],
  }
}
