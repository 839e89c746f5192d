import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

import type { Client } from 'pg'

import type { Person } from '../../services/all-in-one/demo/issuer/people.ts'
import { aDeployment } from '../support/deployment.ts'
import type { Deployment } from '../support/deployment.ts'
import {
  aPerson,
  answerTo,
  approvalIdIn,
  approvalOf,
  assertForbidden,
  numbersOf,
  peopleCount,
  runsSoon,
  tried as triedBy,
} from '../support/held-statements.ts'
import type { ShownApproval } from '../support/held-statements.ts'

const policy = `version: 1
rules:${peopleCount}
  - id: deletes-need-two
    targets: ['*']
    statements: [delete]
    outcome: hold
    approval: { role: approvers, approvers: 2 }
    reason: deleting needs two others
`

// Olivia has the approver's role as well: her own request is still not hers to approve.
const people: readonly Person[] = [
  aPerson('olivia', 'Olivia Okafor', ['operations', 'approvers']),
  aPerson('nia', 'Nia Novák', ['operations', 'approvers']),
  aPerson('ben', 'Ben Berg', ['approvers']),
]

suite('a request that needs two people, on the whole product', () => {
  let deployment: Deployment
  let client: Client
  before(async () => {
    deployment = await aDeployment({ policy, people })
    await deployment.start()
    client = await deployment.connected()
    for (const n of [1, 2]) await client.query(`INSERT INTO numbers VALUES (${n})`)
  })
  after(async () => {
    await client.end()
    await deployment[Symbol.asyncDispose]()
  })

  const tried = (text: string): Promise<string> => triedBy(client, text)
  const held = async (text: string): Promise<ShownApproval> =>
    approvalOf(deployment, approvalIdIn(await tried(text)))
  const answer = (
    approval: ShownApproval,
    username: string,
    verdict: 'grant' | 'deny',
  ): Promise<Response> => answerTo(deployment, approval, username, verdict)

  test('it runs once, when two different people have approved, neither of them who asks', async () => {
    const text = 'DELETE FROM numbers WHERE n = 1'
    const approval = await held(text)
    assert.deepEqual(approval.missing, [{ role: 'approvers', count: 2 }])
    await assertForbidden(
      await answer(approval, 'olivia', 'grant'),
      /nobody approves a request of his own/,
    )

    const first = await answer(approval, 'nia', 'grant')
    assert.equal(first.status, 201, await first.clone().text())
    const { state, missing } = (await first.json()) as ShownApproval
    assert.equal(state, 'pending')
    assert.deepEqual(missing, [{ role: 'approvers', count: 1 }])
    await assertForbidden(await answer(approval, 'nia', 'grant'), /you have answered already/)
    await assertForbidden(
      await answer(approval, 'olivia', 'grant'),
      /nobody approves a request of his own/,
    )
    assert.match(await tried(text), /^held for approval/)
    assert.deepEqual(await numbersOf(deployment), [1, 2])

    const second = await answer(approval, 'ben', 'grant')
    assert.equal(second.status, 201, await second.clone().text())
    assert.equal(((await second.json()) as ShownApproval).state, 'granted')
    await runsSoon(client, text)
    assert.deepEqual(await numbersOf(deployment), [2])
    assert.match(await tried(text), /^held for approval/, 'a grant is for one use')
  })

  test('one of them who says no ends it, whatever the other has said', async () => {
    const text = 'DELETE FROM numbers WHERE n = 2'
    const approval = await held(text)
    assert.equal((await answer(approval, 'nia', 'grant')).status, 201)
    const denied = await answer(approval, 'ben', 'deny')
    assert.equal(((await denied.json()) as ShownApproval).state, 'denied')
    let told = await tried(text)
    while (told.startsWith('held for')) {
      await pause(50)
      told = await tried(text)
    }
    assert.match(told, /was denied by Ben Berg: looked at it/)
    assert.deepEqual(await numbersOf(deployment), [2])
  })
})
