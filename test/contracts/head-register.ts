import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import type { HeadRegister, SignedHead } from '../../services/ledger/storage/head-register.ts'

/** Opens the same register anew at each call, by the origin. */
export type OpenRegister = (origin: string) => HeadRegister

/** What every head register must do. `place` gives a new and empty one. */
export function headRegisterContract(
  name: string,
  place: (t: TestContext) => Promise<OpenRegister>,
): void {
  test(`${name}: it keeps the last head that was swapped in, for whoever opens it`, async (t) => {
    const open = await place(t)
    const register = open('a')
    assert.equal(await register.read(), null)
    assert.deepEqual(await register.swap(null, aHead(1)), { ok: true })
    assert.deepEqual(await register.swap(aHead(1), aHead(2)), { ok: true })
    assert.deepEqual(await register.read(), aHead(2))
    assert.deepEqual(await open('a').read(), aHead(2))
    assert.equal(await open('b').read(), null)
  })

  test(`${name}: a swap that expects another head is a conflict and changes nothing`, async (t) => {
    const open = await place(t)
    const register = open('a')
    const conflict = { ok: false, reason: 'head_conflict' }
    assert.deepEqual(await register.swap(aHead(1), aHead(2)), conflict)
    await register.swap(null, aHead(1))
    assert.deepEqual(await register.swap(null, aHead(2)), conflict)
    // The same size is not enough: the note counts.
    const forked = { ...aHead(1), checkpoint: 'another note' }
    assert.deepEqual(await register.swap(forked, aHead(2)), conflict)
    assert.deepEqual(await register.read(), aHead(1))
  })

  test(`${name}: of two swaps at once one wins`, async (t) => {
    const open = await place(t)
    await open('a').swap(null, aHead(1))
    const results = await Promise.all(
      [2, 3, 4].map((size) => open('a').swap(aHead(1), aHead(size))),
    )
    assert.equal(results.filter(({ ok }) => ok).length, 1)
    const winner = results.findIndex(({ ok }) => ok)
    assert.deepEqual(await open('a').read(), aHead(winner + 2))
  })
}

function aHead(size: number): SignedHead {
  return { size, root: Buffer.alloc(32, size), checkpoint: `note ${size}`, signedAtMs: size * 1000 }
}
