import assert from 'node:assert/strict'
import { mkdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'

import { formatCheckpoint } from '../../services/ledger/proof/checkpoint.ts'
import { ed25519Signer, signNote } from '../../services/ledger/proof/note.ts'
import { decodeBundle, encodeBundle } from '../../services/ledger/proof/tile.ts'
import { aDirectory, checkpointOf, entriesOf, origin, signer, treeOf, writeLog } from './a-log.ts'
import { goProgram, run } from './verifier.ts'

const size = 600
const entries = entriesOf(size)
const otherOrigin = 'ledger.example.com/test/audit.events/p01/2026q4'

interface Tampering {
  readonly does: string
  readonly tamper: (directory: string) => Promise<void>
  /** What the verifier says. */
  readonly refusal: RegExp
  /** Checkpoints that somebody outside has kept. */
  readonly remembered?: readonly Buffer[][]
  /** Nobody without memory can see it: the verifier then accepts. */
  readonly unseenWithoutMemory?: true
}

const tamperings: readonly Tampering[] = [
  {
    does: 'a flipped bit in an entry',
    tamper: (directory) => flipBit(join(directory, 'tile/entries/001'), 4000),
    refusal: /^refused: tile\/entries\/001 entry \d+ /,
  },
  {
    does: 'a changed character of the last entry',
    tamper: (directory) =>
      edit(join(directory, 'tile/entries/002.p/88'), (bytes) => {
        bytes[bytes.lastIndexOf('request.received')] = 0x52
        return bytes
      }),
    refusal: /^refused: checkpoint signs root/,
  },
  {
    does: 'a flipped bit in a full tile of leaf hashes',
    tamper: (directory) => flipBit(join(directory, 'tile/0/001'), 33),
    refusal: /^refused: tile\/0\/001 hash 1 /,
  },
  {
    does: 'a flipped bit in a partial tile',
    tamper: (directory) => flipBit(join(directory, 'tile/0/002.p/88'), 87 * 32),
    refusal: /^refused: tile\/0\/002.p\/88 hash 87 /,
  },
  {
    does: 'a flipped bit in a tile of the next level',
    tamper: (directory) => flipBit(join(directory, 'tile/1/000.p/2'), 63),
    refusal: /^refused: tile\/1\/000.p\/2 hash 1 /,
  },
  {
    does: 'another size in the checkpoint',
    tamper: (directory) =>
      editText(join(directory, 'checkpoint'), (text) => text.replace('\n600\n', '\n601\n')),
    refusal: /^refused: checkpoint .*signature/,
  },
  {
    does: 'a flipped bit in the signature',
    tamper: (directory) =>
      editText(join(directory, 'checkpoint'), (text) => {
        const at = text.length - 20
        return `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`
      }),
    refusal: /^refused: checkpoint .*signature/,
  },
  {
    does: 'two swapped entries, their hashes swapped with them',
    tamper: async (directory) => {
      await edit(join(directory, 'tile/entries/000'), (bytes) =>
        encodeBundle(swapped(decodeBundle(bytes, 256), 7, 8)),
      )
      await edit(join(directory, 'tile/0/000'), (bytes) =>
        Buffer.concat(swapped(chunks(bytes), 7, 8)),
      )
    },
    refusal: /^refused: tile\/entries\/000 entry 7 says that it stands elsewhere/,
  },
  {
    does: 'two swapped bundles with their tiles',
    tamper: async (directory) => {
      for (const kind of ['entries', '0']) {
        const [first, second] = [
          join(directory, `tile/${kind}/000`),
          join(directory, `tile/${kind}/001`),
        ]
        await rename(first, `${first}.kept`)
        await rename(second, first)
        await rename(`${first}.kept`, second)
      }
    },
    refusal: /^refused: tile\/entries\/000 entry 0 says that it stands elsewhere/,
  },
  {
    does: 'a bundle cut short',
    tamper: (directory) => truncate(join(directory, 'tile/entries/001'), 10_000),
    refusal: /^refused: tile\/entries\/001 ends within entry/,
  },
  {
    does: 'a tile cut short',
    tamper: (directory) => truncate(join(directory, 'tile/0/001'), 8191),
    refusal: /^refused: tile\/0\/001 has 8191 bytes/,
  },
  {
    does: 'a bundle with a byte behind its entries',
    tamper: (directory) => append(join(directory, 'tile/entries/000'), Buffer.of(0)),
    refusal: /^refused: tile\/entries\/000 has 1 bytes after/,
  },
  {
    does: 'a bundle with an entry behind its entries',
    tamper: (directory) =>
      append(join(directory, 'tile/entries/002.p/88'), encodeBundle([Buffer.from('{}')])),
    refusal: /^refused: tile\/entries\/002.p\/88 has 4 bytes after/,
  },
  {
    does: 'a tile with a hash behind its hashes',
    tamper: (directory) => append(join(directory, 'tile/1/000.p/2'), Buffer.alloc(32)),
    refusal: /^refused: tile\/1\/000.p\/2 has 96 bytes/,
  },
  {
    does: 'a missing bundle',
    tamper: (directory) => rm(join(directory, 'tile/entries/001')),
    refusal: /^refused: tile\/entries\/001 is missing/,
  },
  {
    does: 'a missing tile',
    tamper: (directory) => rm(join(directory, 'tile/0/000')),
    refusal: /^refused: tile\/0\/000 is missing/,
  },
  {
    does: 'a missing checkpoint',
    tamper: (directory) => rm(join(directory, 'checkpoint')),
    refusal: /^refused: checkpoint is missing/,
  },
  {
    does: 'a file that no size of the log has',
    tamper: (directory) => append(join(directory, 'tile/0/003'), Buffer.alloc(8192)),
    refusal: /^refused: tile\/0\/003 does not belong/,
  },
  {
    does: 'an empty partial tile',
    tamper: (directory) => append(join(directory, 'tile/2/000.p/0'), Buffer.alloc(0)),
    refusal: /^refused: tile\/2\/000.p\/0 does not belong/,
  },
  {
    does: 'an older partial tile that tells another story',
    tamper: (directory) => append(join(directory, 'tile/0/002.p/1'), Buffer.alloc(32)),
    refusal: /^refused: tile\/0\/002.p\/1 differs/,
  },
  {
    does: 'a link in the place of a tile',
    tamper: async (directory) => {
      const path = join(directory, 'tile/0/000')
      const elsewhere = join(directory, 'tile/0/elsewhere')
      await rename(path, elsewhere)
      await symlink(elsewhere, path)
    },
    refusal: /^refused: tile\/0\/000 is not a file of a log/,
  },
  {
    does: 'a file of many gigabytes',
    tamper: (directory) => truncate(join(directory, 'tile/entries/000'), 20 * 2 ** 30),
    refusal: /^refused: tile\/entries\/000 is not a file of a log/,
  },
  {
    does: 'another genesis record',
    tamper: (directory) => writeFile(join(directory, 'genesis.json'), '{}'),
    refusal: /^refused: tile\/entries\/000 entry 0 does not follow/,
  },
  {
    does: 'another key beside the log',
    tamper: (directory) => writeFile(join(directory, 'log.vkey'), 'another'),
    refusal: /^refused: log.vkey is another key/,
  },
  {
    does: "another key under the log's name",
    tamper: (directory) => writeLog(directory, entries, ed25519Signer(origin, Buffer.alloc(32, 2))),
    refusal: /^refused: checkpoint .*no verifiable signatures/,
  },
  {
    does: 'a checkpoint with a line more, signed',
    tamper: async (directory) => {
      const { root } = treeOf(entries)
      const text = `${formatCheckpoint({ origin, size, root })}extension\n`
      await writeFile(join(directory, 'checkpoint'), await signNote(text, signer))
    },
    refusal: /^refused: checkpoint does not have three lines/,
  },
  {
    does: 'the entries of another log, signed with the key of this one',
    tamper: (directory) => writeLog(directory, entriesOf(size, otherOrigin)),
    refusal: /^refused: tile\/entries\/000 entry 0 is of another log/,
  },
  {
    does: 'an entry left out, everything after it signed again',
    tamper: (directory) => rewrite(directory, entries.toSpliced(300, 1)),
    refusal: /^refused: tile\/entries\/001 entry 300 says that it stands elsewhere/,
  },
  {
    does: 'an entry changed, everything signed again, but not chained again',
    tamper: (directory) => {
      const changed = Buffer.from(entries[300]?.toString().replace('edge-1', 'edge-2') ?? '')
      return rewrite(directory, entries.with(300, changed))
    },
    refusal: /^refused: tile\/entries\/001 entry 301 does not follow/,
  },
  {
    does: 'an older state of the log, as it was signed then',
    tamper: (directory) => rewrite(directory, entries.slice(0, 500)),
    remembered: [entries],
    unseenWithoutMemory: true,
    refusal: /^refused: checkpoint covers 500 entries, but 600 .*rolled back/,
  },
  {
    does: 'another history of the same size, signed by the key of the log',
    tamper: (directory) => rewrite(directory, entriesOf(size, origin, 'fork')),
    remembered: [entries.slice(0, 10), entries],
    unseenWithoutMemory: true,
    refusal: /^refused: checkpoint contradicts memory-0: the first 10 entries were others/,
  },
  {
    does: 'a longer history that does not extend the one that was signed',
    tamper: (directory) => rewrite(directory, entriesOf(size + 300, origin, 'fork')),
    remembered: [entries],
    unseenWithoutMemory: true,
    refusal: /^refused: checkpoint contradicts memory-0: the first 600 entries were others/,
  },
]

for (const { does, tamper, refusal, remembered = [], unseenWithoutMemory } of tamperings) {
  test(`Go refuses ${does}`, async (t) => {
    const program = await goProgram(t, 'verify-log')
    if (program === null) return
    const directory = await aDirectory(t)
    const memory = await aDirectory(t)
    const withMemory: string[] = []
    for (const [at, known] of remembered.entries()) {
      const file = join(memory, `memory-${at}`)
      await writeFile(file, await checkpointOf(known))
      withMemory.push('-remembered', file)
    }
    const verify = (options: readonly string[]) =>
      run(program, ['-vkey', signer.vkey, '-origin', origin, ...options, directory])

    await writeLog(directory, entries)
    assert.match((await verify(withMemory)).stdout, /^verified: /, 'accepted before')
    await tamper(directory)
    const outcome = await verify(withMemory)
    assert.match(outcome.stdout, refusal)
    assert.equal(outcome.code, 1)
    if (unseenWithoutMemory === true) {
      assert.match((await verify([])).stdout, /^verified: /, 'only memory sees it')
    }
  })
}

test('Go accepts the partial tiles that earlier checkpoints of the log had', async (t) => {
  const program = await goProgram(t, 'verify-log')
  if (program === null) return
  const directory = await aDirectory(t)
  for (const earlier of [3, 256, 257, 590, size]) {
    await writeLog(directory, entries.slice(0, earlier))
    const { stdout } = await run(program, ['-vkey', signer.vkey, '-origin', origin, directory])
    assert.match(stdout, /^verified: /)
  }
})

test('Go refuses a key that belongs to another log', async (t) => {
  const program = await goProgram(t, 'verify-log')
  if (program === null) return
  const directory = await aDirectory(t)
  await writeLog(directory, entries.slice(0, 3))
  const other = ed25519Signer(otherOrigin, Buffer.alloc(32, 1))
  const { stdout, code } = await run(program, ['-vkey', other.vkey, '-origin', origin, directory])
  assert.match(stdout, /^refused: vkey names another log/)
  assert.equal(code, 1)
})

async function rewrite(directory: string, other: readonly Buffer[]): Promise<void> {
  await rm(directory, { recursive: true })
  await mkdir(directory)
  await writeLog(directory, other)
}

async function edit(path: string, change: (bytes: Buffer) => Buffer): Promise<void> {
  await writeFile(path, change(await readFile(path)))
}

function editText(path: string, change: (text: string) => string): Promise<void> {
  return edit(path, (bytes) => Buffer.from(change(bytes.toString())))
}

function flipBit(path: string, at: number): Promise<void> {
  return edit(path, (bytes) => {
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
    return bytes
  })
}

async function append(path: string, bytes: Buffer): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, bytes, { flag: 'a' })
}

function swapped<T>(items: readonly T[], one: number, other: number): T[] {
  return items.map((item, at) => items[at === one ? other : at === other ? one : at] ?? item)
}

function chunks(tile: Buffer): Buffer[] {
  return Array.from({ length: tile.length / 32 }, (_, at) => tile.subarray(at * 32, at * 32 + 32))
}
