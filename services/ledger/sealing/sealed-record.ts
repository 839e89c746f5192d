import { decodeLeaf } from '../../../schemas/leaf.ts'
import { sealedHeaders } from '../../bus/topics.ts'
import type { Quarantine } from '../storage/payload-store.ts'

/** An entry with the record it seals. */
export interface SealedEntry {
  readonly position: number
  readonly leafHash: Buffer
  readonly key: Buffer
  readonly value: Buffer
  readonly quarantine: Quarantine | null
}

/**
 * The headers of an entry on `ledger.sealed`: the origin as text, the position in decimal, the leaf hash as its 32 bytes; of a
 * quarantined record also why and where it came from, since its value may look like an event.
 */
export function sealedRecordHeaders(
  log: Buffer,
  { position, leafHash, quarantine }: SealedEntry,
): Readonly<Record<string, Buffer>> {
  const headers = {
    [sealedHeaders.log]: log,
    [sealedHeaders.position]: Buffer.from(String(position), 'latin1'),
    [sealedHeaders.leafHash]: leafHash,
  }
  if (quarantine === null) return headers
  return {
    ...headers,
    [sealedHeaders.quarantined]: Buffer.from(quarantine.reason),
    [sealedHeaders.source]: Buffer.from(quarantine.source),
  }
}

// Quotes within a string of the leaf are escaped, so this stands only where a leaf says it.
const quarantinedMember = Buffer.from('"type":"quarantined"')

/** What the leaf of a quarantined record says of it; null for any other. */
export function quarantineOf(bytes: Buffer): Quarantine | null {
  if (!bytes.includes(quarantinedMember)) return null
  const leaf = decodeLeaf(bytes)
  if (leaf.type !== 'event') return null
  const source = `${leaf.topic}/${leaf.part}/${leaf.off}`
  return { reason: leaf.ix.outcome ?? 'not_an_event', source }
}
