import type { Clock } from '../../runtime/clock.ts'
import type { Logger } from '../../runtime/logger.ts'
import type { Recorder } from '../capture/recorder.ts'
import type { HeldRequests } from '../guard/approvals/held-requests.ts'
import type { CredentialStore } from '../guard/credentials.ts'
import type { TokenPasswords } from '../guard/identity/token-passwords.ts'
import type { Lockouts } from '../guard/lockouts.ts'
import type { WaitingRoom } from './holds/approval-wait.ts'
import type { CancelKeys } from './cancel-keys.ts'
import type { ServerTls } from './sign-in/client-handshake.ts'
import type { PostgresLimits } from './limits.ts'
import type { StatementPolicy } from './statements/statement-policy.ts'
import type { PostgresTarget } from './target/target.ts'

/** What every connection of one edge shares. */
export interface EdgeParts {
  readonly target: PostgresTarget
  /** Null only where clients are on this machine: then there is no TLS. */
  readonly tls: ServerTls | null
  readonly credentials: CredentialStore
  /** Null where tokens are not taken as passwords. */
  readonly tokens: TokenPasswords | null
  readonly lockouts: Lockouts
  readonly policy: StatementPolicy
  /** Null where approvals cannot be asked for. */
  readonly held: HeldRequests | null
  /** For the sessions that wait for an approval. */
  readonly waiting: WaitingRoom
  readonly recorder: Recorder
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: PostgresLimits
  readonly tenant: string
  readonly synthetic: boolean
  readonly cancelKeys: CancelKeys
  readonly mockSecret: Buffer
}
