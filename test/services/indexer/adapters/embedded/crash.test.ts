import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { EmbeddedIndex } from '../../../../../services/indexer/adapters/embedded/embedded-index.ts'
import { IndexError } from '../../../../../services/indexer/search-index.ts'

async function temporaryDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'index-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** Lets another process apply batches and kills it in the middle; returns the last offset that it was sure of. */
async function applyAndDie(directory: string, afterBatches: number): Promise<bigint> {
  const program = new URL('./apply-without-end.ts', import.meta.url).pathname
  const child = spawn(process.execPath, [program, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  let confirmed = -1n
  let batches = 0
  for await (const line of createInterface({ input: child.stdout })) {
    confirmed = BigInt(line)
    batches += 1
    if (batches === afterBatches) child.kill('SIGKILL')
  }
  await exited
  return confirmed
}

test('a process that is killed while it applies leaves rows, text, counts and offset that agree', async (t) => {
  for (const batches of [1, 12]) {
    const directory = await temporaryDirectory(t)
    const confirmed = await applyAndDie(directory, batches)
    assert.ok(confirmed > 0n)
    {
      await using index = await EmbeddedIndex.open({ directory })
      const offset = await index.offset('sealed', 0)
      assert.ok(offset !== null && offset >= confirmed, `${offset} is before ${confirmed}`)
      const records = Number(offset)
      const statements = (records - 1) / 2
      const [progress] = await index.progress()
      assert.equal(progress?.indexed, records + 1)
      const session = await index.query.session('session-1')
      assert.equal(session?.statements, statements)
      const activity = await index.query.activity({})
      assert.equal(
        activity.reduce((sum, bucket) => sum + bucket.count, 0),
        statements,
      )
      const { hits } = await index.query.search({ text: 'numbers' }, { limit: 500 })
      assert.equal(hits.length, Math.min(statements, 500))
      assert.ok(hits.every(({ outcome }) => outcome === 'ok'))
    }
    assertSound(directory, await readdir(directory))
  }
})

function assertSound(directory: string, names: readonly string[]): void {
  const [name, ...others] = names.filter((each) => each.endsWith('.sqlite'))
  assert.ok(name !== undefined && others.length === 0)
  const db = new DatabaseSync(join(directory, name))
  try {
    assert.equal(db.prepare('PRAGMA integrity_check').get()?.['integrity_check'], 'ok')
    db.exec("INSERT INTO search(search) VALUES('integrity-check')")
  } finally {
    db.close()
  }
}

test('an index is held by one opener at a time', async (t) => {
  const directory = await temporaryDirectory(t)
  await using index = await EmbeddedIndex.open({ directory })
  await assert.rejects(
    EmbeddedIndex.open({ directory }),
    (error) => error instanceof IndexError && error.code === 'INDEX_HELD',
  )
  assert.deepEqual(await index.progress(), [])
})

test('what a rebuild left behind is cleared away, and tables of another version begin anew', async (t) => {
  const directory = join(await temporaryDirectory(t), 'index')
  await mkdir(directory)
  const old = new DatabaseSync(join(directory, 'index-7.sqlite'))
  old.exec('CREATE TABLE event (id); PRAGMA user_version = 999')
  old.close()
  await writeFile(join(directory, 'current'), 'index-7.sqlite')
  await writeFile(join(directory, 'index-8.sqlite-wal'), '')
  for (let opening = 0; opening < 2; opening++) {
    await using index = await EmbeddedIndex.open({ directory })
    assert.deepEqual(await index.query.search({}), { hits: [], next: null })
  }
  const names = (await readdir(directory)).sort()
  assert.deepEqual(names, ['claim', 'current', 'index-9.sqlite'])
})

test('a closed index says so', async (t) => {
  const index = await EmbeddedIndex.open({ directory: await temporaryDirectory(t) })
  await index[Symbol.asyncDispose]()
  await index[Symbol.asyncDispose]()
  await assert.rejects(index.apply([], { logs: [] }), { code: 'INDEX_CLOSED' })
  await assert.rejects(index.beginRebuild(), { code: 'INDEX_CLOSED' })
  await assert.rejects(index.query.search({}), { code: 'QUERY_UNAVAILABLE' })
})
