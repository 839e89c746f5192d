import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { mkdirSync } from 'node:fs'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'

import fc from 'fast-check'

import type { BundleManifest } from '../../../schemas/bundle.ts'
import { ed25519Signer } from '../../../services/ledger/proof/note.ts'
import { fingerprintOf } from '../../../services/reporter/bundle/keys.ts'
import { writeBundle } from '../../../services/reporter/bundle/write-bundle.ts'
import { packEntry, readZip, unpackEntry, writeZip } from '../../../services/reporter/bundle/zip.ts'
import { verifyBundle } from '../../../services/reporter/verify.ts'
import { aBundle } from '../../support/a-reported-ledger.ts'

const run = promisify(execFile)
const most = 10_000_000

// Making one takes seconds; nobody changes it.
let made: ReturnType<typeof aBundle> | null = null
function theBundle(t: TestContext): ReturnType<typeof aBundle> {
  return (made ??= aBundle(t))
}

test('a ZIP file is read back as it was written, and is the same for the same files', () => {
  const path = fc.stringMatching(/^[a-z]{1,8}(\/[a-z]{1,8}){0,2}$/)
  const files = fc.uniqueArray(fc.tuple(path, fc.uint8Array({ maxLength: 300 })), {
    selector: ([name]) => name,
    maxLength: 6,
  })
  fc.assert(
    fc.property(files, (given) => {
      const entries = given.map(([name, content], index) =>
        packEntry(name, content, index % 2 === 0),
      )
      const file = writeZip(entries)
      assert.deepEqual(writeZip(entries.toReversed()), file)
      const read = readZip(file, most)
      assert.ok(read.isExact)
      const found = new Map(read.entries.map((entry) => [entry.path, unpackEntry(entry)]))
      assert.equal(found.size, given.length)
      for (const [name, content] of given) assert.deepEqual(found.get(name), Buffer.from(content))
    }),
  )
})

test('a ZIP file that leaves its directory, names a file twice or unpacks to too much is refused', () => {
  const evil = (...paths: string[]): Buffer =>
    writeZip(paths.map((path) => packEntry(path, Buffer.alloc(10))))
  assert.throws(() => readZip(evil('../x'), most), /outside/)
  assert.throws(() => readZip(evil('/x'), most), /outside/)
  assert.throws(() => readZip(evil('x', 'x'), most), /twice/)
  assert.throws(() => readZip(evil('x', 'y'), 19), /unpacks to more/)
})

test('any flipped bit of a bundle is noticed', async (t) => {
  const { bytes, fingerprint } = await theBundle(t)
  const options = { keyFingerprint: fingerprint }
  assert.ok((await verifyBundle(bytes, options)).ok)
  await fc.assert(
    fc.asyncProperty(
      fc.nat(bytes.length - 1),
      fc.integer({ min: 1, max: 255 }),
      async (at, flip) => {
        const changed = Buffer.from(bytes)
        changed[at] = (changed[at] ?? 0) ^ flip
        const outcome = await verifyBundle(changed, options)
        assert.ok(!outcome.ok, `byte ${at}`)
        assert.ok((outcome.problems[0]?.sentence ?? '').length > 20)
      },
    ),
    { numRuns: 150 },
  )
})

test('every byte of a small bundle counts', async () => {
  const signer = ed25519Signer('test/reporter', Buffer.alloc(32, 9))
  const manifest = { type: 'affidavit/report-manifest/v1', signer: signer.vkey } as BundleManifest
  const bytes = await writeBundle(manifest, new Map([['a.txt', Buffer.from('hello')]]), signer)
  // It holds no report, so it cannot verify; what is looked at is that each change is noticed before that.
  const untouched = await verifyBundle(bytes)
  assert.ok(!untouched.ok)
  assert.equal(untouched.problems[0]?.file, 'the bundle')
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes)
    changed[at] = (changed[at] ?? 0) ^ 1
    const outcome = await verifyBundle(changed)
    assert.ok(!outcome.ok)
    const first = outcome.problems[0]
    const isNoticed = first?.file !== 'the bundle' || first.found !== untouched.problems[0].found
    assert.ok(isNoticed, `byte ${at}: ${JSON.stringify(outcome.problems)}`)
  }
})

test('bytes cut off, added before, after or between are noticed', async (t) => {
  const { bytes } = await theBundle(t)
  await fc.assert(
    fc.asyncProperty(fc.nat(bytes.length), fc.integer({ min: 1, max: 40 }), async (at, length) => {
      const added = Buffer.concat([bytes.subarray(0, at), randomBytes(length), bytes.subarray(at)])
      assert.ok(!(await verifyBundle(added)).ok)
      const cut = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)])
      if (cut.length < bytes.length) assert.ok(!(await verifyBundle(cut)).ok)
    }),
    { numRuns: 40 },
  )
})

test('the sentence names the file that was changed, removed or added', async (t) => {
  const { bytes } = await theBundle(t)
  const contents = new Map(
    readZip(bytes, most).entries.map((entry) => [entry.path, unpackEntry(entry)]),
  )
  const packed = (files: ReadonlyMap<string, Buffer>): Buffer =>
    writeZip([...files].map(([path, content]) => packEntry(path, content)))
  const sentences = async (files: ReadonlyMap<string, Buffer>): Promise<string> => {
    const outcome = await verifyBundle(packed(files))
    return outcome.ok ? 'verified' : outcome.problems.map(({ sentence }) => sentence).join('\n')
  }
  const population = Buffer.from(contents.get('population/events.csv') ?? '')
  population[population.length - 3] = (population[population.length - 3] ?? 0) ^ 1
  const changed = await sentences(new Map(contents).set('population/events.csv', population))
  assert.match(changed, /^population\/events\.csv was changed: expected \d+ bytes with SHA-256 /m)
  const fewer = new Map(contents)
  fewer.delete('exceptions.csv')
  assert.match(await sentences(fewer), /^exceptions\.csv was removed\.$/m)
  const more = new Map(contents).set('notes.txt', Buffer.from('x'))
  assert.match(await sentences(more), /^notes\.txt was added/m)
})

test('another key is refused by its fingerprint, and a manifest signed by it too', async (t) => {
  const { bytes } = await theBundle(t)
  const other = ed25519Signer('ledger.example/test/reporter', Buffer.alloc(32, 8))
  const outcome = await verifyBundle(bytes, { keyFingerprint: fingerprintOf(other.vkey) })
  assert.ok(!outcome.ok)
  assert.match(outcome.problems[0]?.sentence ?? '', /not signed by the key that you named/)
})

test('the recipe of VERIFY.md works with openssl and coreutils, and fails on a changed file', async (t) => {
  const { bytes, fingerprint } = await theBundle(t)
  const directory = await mkdtemp(join(tmpdir(), 'affidavit-bundle-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  for (const entry of readZip(bytes, most).entries) {
    mkdirSync(join(directory, dirname(entry.path)), { recursive: true })
    await writeFile(join(directory, entry.path), unpackEntry(entry))
  }
  const recipe = await readFile(join(directory, 'VERIFY.md'), 'utf8')
  const out = await mkdtemp(join(tmpdir(), 'affidavit-recipe-'))
  t.after(() => rm(out, { recursive: true, force: true }))
  const script = recipe
    .split('\n')
    .filter((line) => line.startsWith('       '))
    .map((line) => line.trim().replaceAll('/tmp/', `${out}/`))
    .join('\n')
  const shell = (): Promise<{ stdout: string }> =>
    run('bash', ['-euo', 'pipefail', '-c', script], { cwd: directory })
  const { stdout } = await shell()
  assert.match(stdout, new RegExp(`^${fingerprint}`))
  assert.equal(stdout.match(/^OK$/gm)?.length, 3)
  assert.equal(stdout.match(/Signature Verified Successfully/g)?.length, 2)
  await writeFile(join(directory, 'exceptions.csv'), 'changed\n')
  const changed = await shell()
  assert.match(changed.stdout, /^exceptions\.csv: FAILED$/m)
  assert.equal(changed.stdout.match(/^OK$/gm)?.length, 2)
})
