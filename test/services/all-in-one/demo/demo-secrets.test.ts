import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { makeDemoSecrets } from '../../../../services/all-in-one/demo/demo-secrets.ts'

async function someSecrets(t: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), 'secrets-'))
  t.after(() => rm(directory, { recursive: true }))
  const make = () =>
    makeDemoSecrets({
      directory,
      edgeNames: ['127.0.0.1', 'edge'],
      shopNames: ['shop'],
      now: new Date(),
    })
  const read = (...parts: readonly string[]) => readFileSync(join(directory, ...parts), 'utf8')
  await make()
  return { directory, make, read }
}

test('parts that have to agree are given the same, and nobody else is', async (t) => {
  const { directory, read } = await someSecrets(t)
  assert.equal(read('services', 'console.secret'), read('issuer', 'clients', 'console'))
  assert.equal(read('edge', 'shop.password'), read('shop', 'held.password'))
  assert.notEqual(read('shop', 'held.password'), read('shop', 'superuser.password'))
  assert.equal(read('edge', 'shop.crt'), read('shop', 'server.crt'))
  assert.equal(read('services', 'edge.crt'), read('edge', 'edge.crt'))
  assert.deepEqual((await readdir(join(directory, 'services'))).sort(), [
    'console.secret',
    'edge.crt',
  ])
})

test('the certificates are for the names that were given', async (t) => {
  const { read } = await someSecrets(t)
  const edge = new X509Certificate(read('edge', 'edge.crt'))
  assert.equal(edge.checkIP('127.0.0.1'), '127.0.0.1')
  assert.equal(edge.checkHost('edge'), 'edge')
  assert.equal(new X509Certificate(read('shop', 'server.crt')).checkHost('shop'), 'shop')
})

test('a second start finds what the first one drew, and secrets are for their owner only', async (t) => {
  const { directory, make } = await someSecrets(t)
  const all = async () => {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true })
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
  }
  const files = await all()
  const before = files.map((file) => readFileSync(file, 'utf8'))
  await make()
  assert.deepEqual(await all(), files)
  assert.deepEqual(
    files.map((file) => readFileSync(file, 'utf8')),
    before,
  )
  for (const file of files.filter((each) => !each.endsWith('.crt'))) {
    assert.equal(statSync(file).mode & 0o077, 0, file)
  }
})
