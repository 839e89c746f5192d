import { createHash } from 'node:crypto'

import canonicalize from 'canonicalize'

import type { BundleFile, BundleManifest } from '../../../schemas/bundle.ts'
import type { Signer } from '../../ledger/proof/note.ts'
import { ReportError } from '../error.ts'
import { packEntry, writeZip } from './zip.ts'
import type { ZipEntry } from './zip.ts'

export const manifestFile = 'manifest.json'
export const signatureFile = 'manifest.sig'
const sumsFile = 'SHA256SUMS'

export type BundleContent = ReadonlyMap<string, Buffer>

/** Packs and signs. The same content gives the same bytes. */
export async function writeBundle(
  manifest: Omit<BundleManifest, 'files'>,
  content: BundleContent,
  signer: Signer,
): Promise<Buffer> {
  const paths = [...content.keys()].sort()
  const sums = paths.map((path) => `${sha256(content.get(path) ?? Buffer.alloc(0))}  ${path}\n`)
  const all = new Map([...content, [sumsFile, Buffer.from(sums.join(''))]])
  const entries = [...all].map(([path, bytes]) => packEntry(path, bytes))
  const files = entries
    .map((entry) => describe(entry, all.get(entry.path) ?? Buffer.alloc(0)))
    .sort((one, other) => (one.path < other.path ? -1 : 1))
  const text = canonical({ ...manifest, files })
  const bytes = Buffer.from(text)
  const signature = await signer.sign(bytes)
  return writeZip([
    ...entries,
    // Stored as they are: the manifest cannot bind its own packed form.
    packEntry(manifestFile, bytes, true),
    packEntry(signatureFile, signature, true),
  ])
}

export function canonical(value: unknown): string {
  const text = canonicalize(value)
  if (text === undefined) throw new ReportError('BUNDLE_MALFORMED', 'it has no canonical form')
  return text
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function describe(entry: ZipEntry, content: Buffer): BundleFile {
  return {
    path: entry.path,
    bytes: content.length,
    sha256: sha256(content),
    packed_bytes: entry.packed.length,
    packed_sha256: sha256(entry.packed),
  }
}
