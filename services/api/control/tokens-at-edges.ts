import { CodecError, decodeEvent } from '../../../schemas/codec.ts'
import { tokenSha256 } from '../../../schemas/control.ts'
import { outlineEvent } from '../../../schemas/event-outline.ts'
import type { Bus, StoredRecord } from '../../bus/bus.ts'
import { followTopic } from '../../bus/follow-topic.ts'
import type { Following, KeptProgress } from '../../bus/follow-topic.ts'
import { topics } from '../../bus/topics.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { ControlPublisher } from './control-publisher.ts'
import type { ControlState } from './control-state.ts'

export interface TokensAtEdgesOptions {
  readonly bus: Bus
  readonly group: string
  readonly kept: KeptProgress
  readonly control: ControlState
  readonly publisher: Pick<ControlPublisher, 'publish'>
  readonly clock: Clock
  readonly signal: AbortSignal
}

/**
 * Hears of the tokens that edges take as passwords, by the events in which they record it, and tells all edges: from then on such a token
 * is neither exchanged here nor taken at another edge. Nothing is kept but what stands on `control.updates`; where that is full, reading
 * stops until there is room, so that no use is passed over.
 */
export function followTokensAtEdges(options: TokensAtEdgesOptions): Following {
  const { bus, group, kept, signal } = options
  const take = (record: StoredRecord): Promise<void> | undefined => {
    const use = tokenUseOf(record.value)
    return use === null ? undefined : tell(options, use)
  }
  return followTopic({ bus, group, topic: topics.auditEvents, take, kept, signal })
}

interface TokenUseAtEdge {
  readonly tokenId: string
  readonly expiresAtMs: number
}

async function tell(
  { control, publisher, clock }: TokensAtEdgesOptions,
  { tokenId, expiresAtMs }: TokenUseAtEdge,
): Promise<void> {
  if (expiresAtMs <= clock.nowMs() || control.isUsed(tokenId)) return
  if (control.isFull) {
    throw new Error(
      'edges are not told that a token was used: too much is in force on control.updates',
    )
  }
  await publisher.publish({
    kind: 'token',
    token_sha256: tokenSha256(tokenId),
    expires_at: expiresAtMs,
  })
}

/** What is not an event is the ledger's to find. */
function tokenUseOf(value: Buffer): TokenUseAtEdge | null {
  try {
    // Most records are of other types, and a few bytes tell.
    if (outlineEvent(value).type !== 'auth.succeeded') return null
    const { auth, credential } = decodeEvent(value)
    if (auth?.method !== 'token' || credential === null || credential.token_id === null) return null
    return { tokenId: credential.token_id, expiresAtMs: credential.expires_at / 1000 }
  } catch (error) {
    if (error instanceof CodecError) return null
    throw error
  }
}
