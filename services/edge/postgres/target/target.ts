import type { Target } from '../../../../schemas/event.ts'
import type { ScramPassword } from '../protocol/scram.ts'
import type { TargetAddress } from './target-connection.ts'

/** A protected PostgreSQL database, the credential held for it, and how its traffic is recorded. */
export interface PostgresTarget extends TargetAddress {
  readonly name: string
  readonly database: string
  readonly user: string
  /** Built once per target: it remembers the keys derived from the password. */
  readonly password: ScramPassword
  readonly durability: 'strict' | 'batched'
  readonly onAuditFailure: 'refuse' | 'allow'
  /** How much of each result is recorded. */
  readonly recordResultsBytes: number
  readonly dataLabels: readonly string[]
}

/** As events name it. */
export function eventTarget({ name, address, port }: PostgresTarget): Target {
  return { name, kind: 'postgres', address: `${address}:${port}` }
}
