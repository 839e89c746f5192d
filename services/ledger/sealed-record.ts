import { decodeLeaf } from '../../schemas/leaf.ts'
import { sealedHeaders } from '../bus/topics.ts'
import type { SealedEntry } from './recent-entries.ts'

/**
 * The headers of an entry on `ledger.sealed`: the origin as text, the position in decimal, the leaf hash as its 32 bytes; of a
 * quarantined record also why and where it came from, since its value may look like an event.
 */
export function sealedRecordHeaders(
  log: Buffer,
  { position, leaf, leafHash }: SealedEntry,
): Readonly<Record<string, Buffer>> {
  const headers = {
    [sealedHeaders.log]: log,
    [sealedHeaders.position]: Buffer.from(String(position), 'latin1'),
    [sealedHeaders.leafHash]: leafHash,
  }
  return leaf.includes(quarantinedMember) ? { ...headers, ...quarantineHeaders(leaf) } : headers
}

// Quotes within a string of the leaf are escaped, so this stands only where a leaf says it.
const quarantinedMember = Buffer.from('"type":"quarantined"')

function quarantineHeaders(bytes: Buffer): Readonly<Record<string, Buffer>> {
  const leaf = decodeLeaf(bytes)
  if (leaf.type !== 'event') return {}
  return {
    [sealedHeaders.quarantined]: Buffer.from(leaf.ix.outcome ?? 'not_an_event'),
    [sealedHeaders.source]: Buffer.from(`${leaf.topic}/${leaf.part}/${leaf.off}`),
  }
}
