import { hash } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'

import { encodeLeaf } from '../../schemas/leaf.ts'
import { logFiles } from '../../services/ledger/proof/c2sp-files.ts'
import { signCheckpoint } from '../../services/ledger/proof/checkpoint.ts'
import { leafHash } from '../../services/ledger/proof/hash.ts'
import { ed25519Signer } from '../../services/ledger/proof/note.ts'
import type { Signer } from '../../services/ledger/proof/note.ts'
import type { HashReader } from '../../services/ledger/proof/range.ts'
import { MerkleTree } from '../../services/ledger/proof/tree.ts'

export const origin = 'ledger.example.com/test/audit.events/p00/2026q4'
export const signer = ed25519Signer(origin, Buffer.alloc(32, 1))
/** The record that entry 0 names. */
export const genesis = Buffer.from('{"format":"affidavit/log/v1"}')

/** The entries of a log: a genesis leaf and chained events. `subject` makes another history of it. */
export function entriesOf(count: number, log = origin, subject = 'event'): Buffer[] {
  const entries: Buffer[] = []
  let prev = hash('sha256', genesis, 'base64')
  const topic = 'audit.events'
  const rt = '2026-11-25T12:00:00.000000Z'
  for (let seq = 0; seq < count; seq += 1) {
    const base = { v: 1, log, seq, prev, rt, topic, part: 0 } as const
    const entry =
      seq === 0
        ? encodeLeaf({ ...base, type: 'genesis', vkey: signer.vkey })
        : encodeLeaf({
            ...base,
            type: 'event',
            off: seq - 1,
            poff: seq - 2,
            lepoch: 0,
            evt: `${subject} ${seq}`,
            et: rt,
            prod: 'edge-1',
            pseq: seq,
            cty: 'avro;schema=1',
            csz: 100,
            com: hash('sha256', `${subject} ${seq}`, 'base64'),
            ix: { type: 'request.received' },
          })
    entries.push(entry)
    prev = leafHash(entry).toString('base64')
  }
  return entries
}

/** The tree over these entries, with the hashes that a store would keep. */
export function treeOf(entries: readonly Buffer[]): { root: Buffer; hash: HashReader } {
  const tree = new MerkleTree()
  const levels: Buffer[][] = []
  for (const entry of entries) {
    tree.append(leafHash(entry), (level, index, complete) => {
      const row = (levels[level] ??= [])
      row[index] = Buffer.from(complete)
    })
  }
  return {
    root: tree.root(),
    hash: (level, index) => {
      const found = levels[level]?.[index]
      if (found === undefined) throw new Error(`no hash ${level}/${index}`)
      return found
    },
  }
}

export function checkpointOf(entries: readonly Buffer[], by: Signer = signer): Promise<string> {
  const { root } = treeOf(entries)
  return signCheckpoint({ origin: by.name, size: entries.length, root }, by)
}

/** Writes these entries in C2SP form, signed, with the genesis record beside them. */
export async function writeLog(
  directory: string,
  entries: readonly Buffer[],
  by: Signer = signer,
): Promise<void> {
  const { root, hash } = treeOf(entries)
  const size = entries.length
  const checkpoint = await signCheckpoint({ origin: by.name, size, root }, by)
  const content = {
    checkpoint,
    size,
    hash,
    entries: (from: number, to: number) => Promise.resolve(entries.slice(from, to)),
  }
  for await (const file of logFiles(content)) {
    const path = join(directory, file.path)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, file.bytes)
  }
  await writeFile(join(directory, 'genesis.json'), genesis)
}

export async function aDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'affidavit-outsiders-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}
