import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

import { DatabaseError } from 'pg'
import type { Client } from 'pg'

import type { Person } from '../../services/all-in-one/demo/people.ts'
import { aDeployment } from '../support/deployment.ts'
import type { Deployment } from '../support/deployment.ts'

interface Approval {
  readonly approval_id: string
  readonly state: string
  readonly binding_sha256: string
  readonly missing: readonly { readonly role: string; readonly count: number }[]
}

const policy = `version: 1
rules:
  - id: people-count
    targets: ['*']
    actors: { kinds: [human] }
    statements: [read, insert, delete, transaction, session]
    relations: { read: ['*'], write: [public.numbers] }
    outcome: allow
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

function aPerson(username: string, name: string, groups: readonly string[]): Person {
  return { username, name, email: `${username}@shop.example`, groups }
}

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

  const call = (username: string, path: string, body?: unknown): Promise<Response> =>
    deployment.call(username, path, body)
  /** What became of it: `run`, or what the client was told instead. */
  const tried = async (text: string): Promise<string> => {
    try {
      await client.query(text)
      return 'run'
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.code !== '42501') throw error
      return error.message
    }
  }
  const held = async (text: string): Promise<Approval> => {
    const message = await tried(text)
    const id = /held for approval ([0-9a-f-]{36})/.exec(message)?.[1]
    assert.ok(id !== undefined, message)
    for (;;) {
      const response = await call('nia', `/v1/approvals/${id}`)
      if (response.ok) return (await response.json()) as Approval
      await pause(200)
    }
  }
  const answer = (approval: Approval, username: string, verdict: string): Promise<Response> =>
    call(username, `/v1/approvals/${approval.approval_id}/answers`, {
      verdict,
      reason: 'looked at it',
      binding_sha256: approval.binding_sha256,
    })
  const refused = async (response: Response, why: RegExp): Promise<void> => {
    const { detail } = (await response.json()) as { readonly detail: string }
    assert.equal(response.status, 403, detail)
    assert.match(detail, why)
  }
  const numbers = async (): Promise<readonly number[]> => {
    const rows = await deployment.askTarget<{ n: string }>('SELECT n FROM numbers ORDER BY n')
    return rows.map(({ n }) => Number(n))
  }

  test('it runs once, when two different people have approved, neither of them who asks', async () => {
    const text = 'DELETE FROM numbers WHERE n = 1'
    const approval = await held(text)
    assert.deepEqual(approval.missing, [{ role: 'approvers', count: 2 }])
    await refused(await answer(approval, 'olivia', 'grant'), /nobody approves a request of his own/)

    const first = await answer(approval, 'nia', 'grant')
    assert.equal(first.status, 201, await first.clone().text())
    const { state, missing } = (await first.json()) as Approval
    assert.equal(state, 'pending')
    assert.deepEqual(missing, [{ role: 'approvers', count: 1 }])
    await refused(await answer(approval, 'nia', 'grant'), /you have answered already/)
    await refused(await answer(approval, 'olivia', 'grant'), /nobody approves a request of his own/)
    assert.match(await tried(text), /^held for approval/)
    assert.deepEqual(await numbers(), [1, 2])

    const second = await answer(approval, 'ben', 'grant')
    assert.equal(second.status, 201, await second.clone().text())
    assert.equal(((await second.json()) as Approval).state, 'granted')
    while ((await tried(text)) !== 'run') await pause(50)
    assert.deepEqual(await numbers(), [2])
    assert.match(await tried(text), /^held for approval/, 'a grant is for one use')
  })

  test('one of them who says no ends it, whatever the other has said', async () => {
    const text = 'DELETE FROM numbers WHERE n = 2'
    const approval = await held(text)
    assert.equal((await answer(approval, 'nia', 'grant')).status, 201)
    const denied = await answer(approval, 'ben', 'deny')
    assert.equal(((await denied.json()) as Approval).state, 'denied')
    let told = await tried(text)
    while (told.startsWith('held for')) {
      await pause(50)
      told = await tried(text)
    }
    assert.match(told, /was denied by Ben Berg: looked at it/)
    assert.deepEqual(await numbers(), [2])
  })
})
