import assert from 'node:assert/strict'
import { test } from 'node:test'

import { aPolicy } from '../../guard/policy-builders.ts'
import { startMaskedTarget } from '../masking/masked-target.ts'

const policy = aPolicy(
  "id: public, targets: ['*'], statements: [read], relations: { read: ['public.*'] }, outcome: allow",
)
const classification = 'version: 1\ncolumns:\n  - { column: public.orders.note, class: x }\n'
const orders = "CREATE TABLE public.orders (note text); INSERT INTO public.orders VALUES ('ours');"

test('a bare name means what the search path of the held role finds first', async () => {
  for (const [others, isAllowed] of [
    ['', true],
    ['CREATE SCHEMA AUTHORIZATION CURRENT_USER; CREATE TABLE postgres.orders (note text);', false],
    ['ALTER ROLE CURRENT_USER SET search_path = app, public; CREATE SCHEMA app;', false],
  ] as const) {
    await using target = await startMaskedTarget(orders + others, classification, policy)
    const { rows, error } = await target.seen('SELECT note FROM orders')
    assert.deepEqual(rows, isAllowed ? [{ note: 'ours' }] : [], others)
    assert.equal(error?.code, isAllowed ? undefined : '42501', others)
    assert.equal((await target.seen('SELECT note FROM public.orders')).error, null)
  }
})
