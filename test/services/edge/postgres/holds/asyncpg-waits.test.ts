import assert from 'node:assert/strict'
import { test } from 'node:test'

import { pythonOfDrivers } from '../../../../support/python.ts'
import { numbersTarget } from './numbers-target.ts'
import { runProgram } from './python-program.ts'
import { aWaitingEdge } from './waiting-edge.ts'

const numbers = numbersTarget(7)

test('asyncpg waits where it prepares without Sync, as where it does not', async (t) => {
  const python = await pythonOfDrivers(t)
  if (python === null) return
  const edge = await aWaitingEdge(t, numbers.server)
  const running = runProgram(python, './asyncpg_waits.py', edge)
  const answering = (async () => {
    for (const count of [1, 2, 3, 4]) edge.answer(await edge.asked(count))
  })()
  const { stdout } = await running
  await answering
  const { cancelled, transaction, ...outcome } = JSON.parse(stdout) as Record<string, unknown>
  assert.deepEqual(outcome, {
    first: 'DELETE 1',
    again: 'DELETE 1',
    between: 5,
    prepared: 3,
    simple: 'DELETE 1',
    rest: [5, 6, 7],
    notices: 5,
  })
  assert.deepEqual(cancelled, ['timeout', null])
  const [code, detail] = transaction as [string, string]
  assert.equal(code, '42501')
  assert.match(detail, /^it does not wait here: a transaction is open/)
  const deletes = edge.recorder
    .requests()
    .filter(({ operation }) => operation === 'delete')
    .map(({ decision, completions, completion }) => [decision, completions, completion?.outcome])
  const ran = ['hold', 1, 'ok']
  assert.deepEqual(deletes, [ran, ran, ran, ran, ['hold', 1, 'cancelled'], ['hold', 1, 'refused']])
})
