import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { tokenSha256 } from '../../../../../schemas/control.ts'
import { UsedTokens } from '../../../../../services/edge/guard/identity/used-tokens.ts'
import { systemClock } from '../../../../../services/runtime/clock.ts'

const taken = { ok: true }
const used = { ok: false, reason: 'token_used' }

async function aDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'used-tokens-'))
  t.after(() => rm(directory, { recursive: true }))
  return directory
}

test('a token is used once, also by two at once, and after a restart', async (t) => {
  const directory = await aDirectory(t)
  const tokens = await UsedTokens.open(directory, systemClock)
  const both = await Promise.all([tokens.use('a'), tokens.use('a')])
  assert.equal(both.filter(({ ok }) => ok).length, 1)
  assert.deepEqual(await tokens.use('b'), taken)
  const restarted = await UsedTokens.open(directory, systemClock)
  assert.deepEqual(await restarted.use('a'), used)
  assert.deepEqual(await restarted.use('../b'), taken)
})

test('a token that was used elsewhere is used', async (t) => {
  const tokens = await UsedTokens.open(await aDirectory(t), systemClock)
  tokens.note(tokenSha256('a'), Date.now() + 60_000)
  assert.deepEqual(await tokens.use('a'), used)
  assert.deepEqual(await tokens.use('b'), taken)
})

test('while there are uses elsewhere for which there was no room, no token is taken', async (t) => {
  let nowMs = 1_000
  const clock = { nowMs: () => nowMs, nowUs: () => nowMs * 1_000 }
  const tokens = await UsedTokens.open(await aDirectory(t), clock, 2)
  for (const [id, endMs] of [
    ['a', 2_000],
    ['b', 3_000],
    ['c', 4_000],
  ] as const)
    tokens.note(tokenSha256(id), endMs)
  assert.deepEqual(await tokens.use('a'), used)
  assert.deepEqual(await tokens.use('d'), { ok: false, reason: 'too_many_tokens' })
  nowMs = 3_999
  tokens.note(tokenSha256('e'), 5_000)
  assert.deepEqual(await tokens.use('d'), { ok: false, reason: 'too_many_tokens' })
  nowMs = 4_000
  assert.deepEqual(await tokens.use('d'), taken)
  assert.deepEqual(await tokens.use('e'), used)
})

test('what was used long ago is forgotten, what was used within a day is not', async (t) => {
  const directory = await aDirectory(t)
  const tokens = await UsedTokens.open(directory, systemClock)
  for (const id of ['old', 'young']) {
    await tokens.use(id)
    const hours = id === 'old' ? 31 : 25
    const names = await readdir(directory)
    const file = join(directory, names.find((name) => !seen.has(name)) ?? '')
    for (const name of names) seen.add(name)
    await utimes(file, new Date(), new Date(Date.now() - hours * 3_600_000))
  }
  const restarted = await UsedTokens.open(directory, systemClock)
  assert.deepEqual(await restarted.use('young'), used)
  assert.deepEqual(await restarted.use('old'), taken)
})

const seen = new Set<string>()

test('beyond what is kept no token is taken', async (t) => {
  const tokens = await UsedTokens.open(await aDirectory(t), systemClock, 2)
  await tokens.use('a')
  await tokens.use('b')
  assert.deepEqual(await tokens.use('c'), { ok: false, reason: 'too_many_tokens' })
  assert.deepEqual(await tokens.use('a'), { ok: false, reason: 'too_many_tokens' })
})
