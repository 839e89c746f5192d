import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

import type { Client } from 'pg'

import { aDeployment } from '../support/deployment.ts'
import type { Deployment } from '../support/deployment.ts'
import {
  answerTo,
  approvalIdIn,
  approvalOf,
  numbersOf,
  peopleCount,
  runsSoon,
  tried,
} from '../support/held-statements.ts'
import type { ShownApproval } from '../support/held-statements.ts'
import { runCommand } from '../support/product-process.ts'
import type { RunningProduct } from '../support/product-process.ts'
import { until } from '../support/until.ts'

const policy = `version: 1
rules:${peopleCount}
  - id: deletes-need-a-second-person
    targets: ['*']
    statements: [delete]
    outcome: hold
    approval: { role: approvers }
    reason: deleting needs a second person
  - id: updates-wait-for-one
    targets: ['*']
    statements: [update]
    outcome: hold
    approval: { role: approvers, wait_seconds: 120 }
`

suite('a request that policy holds, on the whole product', () => {
  let deployment: Deployment
  let product: RunningProduct
  let client: Client
  before(async () => {
    deployment = await aDeployment({ policy })
    product = await deployment.start()
    client = await connected()
    for (const n of [1, 2, 3]) await client.query(`INSERT INTO numbers VALUES (${n})`)
  })
  after(async () => {
    await client.end()
    await deployment[Symbol.asyncDispose]()
  })

  const connected = (): Promise<Client> => deployment.connected()
  const call = (username: string, path: string, body?: unknown): Promise<Response> =>
    deployment.call(username, path, body)
  const told = async (text: string, values?: readonly unknown[]): Promise<string> => {
    const message = await tried(client, text, values)
    assert.notEqual(message, 'run', text)
    return message
  }
  const pending = (id: string): Promise<ShownApproval> => approvalOf(deployment, id)
  const answer = (
    approval: ShownApproval,
    username: string,
    verdict: 'grant' | 'deny',
  ): Promise<Response> => answerTo(deployment, approval, username, verdict)
  const signInFile = (username: string): Promise<string> => deployment.signInFile(username)
  const numbers = (): Promise<readonly number[]> => numbersOf(deployment)

  test('it runs once, when another person has approved exactly that', async () => {
    const text = 'DELETE FROM numbers WHERE n = $1'
    const id = approvalIdIn(await told(text, [1]))
    assert.equal(approvalIdIn(await told(text, [1])), id, 'the same request is asked for once')
    const approval = await pending(id)
    assert.equal(approval.state, 'pending')
    assert.equal(approval.statement, text)
    assert.deepEqual(approval.parameters, [{ format: 0, value: '1', bytes: 1, is_cut: false }])
    assert.equal(approval.requester.subject, 'olivia')

    const own = await answer(approval, 'olivia', 'grant')
    assert.equal(own.status, 403)
    const auditor = await answer(approval, 'ada', 'grant')
    assert.equal(auditor.status, 403)
    const other = await answer({ ...approval, binding_sha256: '0'.repeat(64) }, 'nia', 'grant')
    assert.equal(other.status, 400)
    const granted = await answer(approval, 'nia', 'grant')
    assert.equal(granted.status, 201, await granted.clone().text())
    assert.equal(((await granted.json()) as ShownApproval).state, 'granted')
    assert.equal((await answer(approval, 'nia', 'deny')).status, 409)

    // Other values are another request, which nobody has approved.
    assert.notEqual(approvalIdIn(await told(text, [2])), id)
    await runsSoon(client, text, [1])
    assert.deepEqual(await numbers(), [2, 3])
    assert.notEqual(approvalIdIn(await told(text, [1])), id, 'a grant is for one use')
    assert.deepEqual(await numbers(), [2, 3])
  })

  test('what was denied is not run, and says who denied it and why', async () => {
    const text = 'DELETE FROM numbers WHERE n = 3'
    const approval = await pending(approvalIdIn(await told(text)))
    const file = await signInFile('nia')
    const list = await runCommand(['approvals', 'list', '--sign-in', file])
    assert.match(list.stdout, new RegExp(`${approval.approval_id} +pending`))
    assert.match(list.stdout, /Olivia Okafor at numbers\n {2}DELETE FROM numbers WHERE n = 3/)
    const said = ['--reason', 'three stays', '--sign-in', file]
    const denied = await runCommand(['approvals', 'deny', approval.approval_id, ...said])
    assert.equal(denied.status, 0, denied.stderr)
    assert.match(denied.stdout, /deny by Nia Novák at 2\S+Z: three stays/)
    for (;;) {
      const message = await told(text)
      if (message.includes('denied')) {
        assert.match(message, /was denied by Nia Novák: three stays/)
        break
      }
      await pause(50)
    }
    assert.ok((await numbers()).includes(3))
  })

  test('where the rule says so the client waits, and it runs when it is approved', async () => {
    const text = 'UPDATE numbers SET n = 30 WHERE n = $1'
    const noticed = once(client, 'notice')
    const running = client.query(text, [3])
    const [{ message }] = (await noticed) as [{ message: string }]
    assert.match(message, /^held for approval [0-9a-f-]{36}: waiting for it until /)
    const id = message.slice('held for approval '.length).slice(0, 36)
    const granted = await answer(await pending(id), 'nia', 'grant')
    assert.equal(granted.status, 201, await granted.clone().text())
    assert.equal((await running).rowCount, 1)
    assert.ok((await numbers()).includes(30))
    for (;;) {
      const response = await call('sam', '/v1/search?decision=hold&kind=update')
      const { hits } = (await response.json()) as { hits: Record<string, unknown>[] }
      if (hits[0]?.['outcome'] === 'ok') {
        const { statement, decision, remark } = hits[0]
        const reason = `was held; approved by Nia Novák (${id})`
        assert.deepEqual([statement, decision, remark], [text, 'allow', reason])
        return
      }
      await pause(200)
    }
  })

  test('policy diff takes what was held for held, by the api as by the ledger, also when it ran', async () => {
    const [old, changed] = ['old.yaml', 'new.yaml'].map((name) => join(deployment.directory, name))
    assert.ok(old !== undefined && changed !== undefined)
    await writeFile(old, policy)
    await writeFile(changed, policy.slice(0, policy.indexOf('  - id: updates-wait-for-one')))
    const signIn = await signInFile('sam')
    const period = ['--from', '2000-01-01T00:00:00Z', '--to', new Date().toISOString()]
    const [byApi, byLedger] = await Promise.all(
      [
        ['--sign-in', signIn],
        ['--config', deployment.configFile],
      ].map(async (source) => {
        const asked = ['policy', 'diff', old, changed, '--json', ...period, ...source]
        const { status, stdout, stderr } = await runCommand(asked)
        assert.equal(status, 1, stderr)
        return JSON.parse(stdout) as Record<string, unknown>
      }),
    )
    assert.deepEqual(byApi, byLedger)
    assert.equal(byApi?.['changed'], 1)
  })

  test('what an edge asked for before it started anew is over, and whoever answers it is told', async () => {
    const [open, granted] = await Promise.all(
      [[2], [3]].map(async (values) =>
        pending(approvalIdIn(await told('DELETE FROM numbers WHERE n = $1', values))),
      ),
    )
    assert.ok(open !== undefined && granted !== undefined)
    assert.equal((await answer(granted, 'nia', 'grant')).status, 201)
    await client.end()
    await product.kill()
    product = await deployment.start()
    for (const { approval_id: id } of [open, granted]) {
      await until(async () => (await pending(id)).state === 'forgotten')
    }
    const late = await answer(open, 'nia', 'grant')
    assert.equal(late.status, 409)
    assert.match(await late.text(), /the edge that asked has stopped or started anew since/)
    const waiting = await call('nia', '/v1/approvals?state=pending')
    assert.deepEqual(await waiting.json(), { approvals: [], listed_from: null })
    const listed = await runCommand([
      'approvals',
      'list',
      '--all',
      '--sign-in',
      await signInFile('nia'),
    ])
    assert.match(listed.stdout, new RegExp(`${open.approval_id}  forgotten`))
    client = await connected()
    const again = approvalIdIn(await told('DELETE FROM numbers WHERE n = $1', [2]))
    assert.notEqual(again, open.approval_id)
    assert.equal((await pending(again)).state, 'pending')
  })

  test('asking, answering and using it are sealed, each by whom', async () => {
    const expected: Readonly<Record<string, string>> = {
      'approval.requested': 'Olivia Okafor',
      'approval.granted': 'Nia Novák',
      'approval.used': 'Olivia Okafor',
      'approval.denied': 'Nia Novák',
    }
    for (const [kind, name] of Object.entries(expected)) {
      for (;;) {
        const response = await call('sam', `/v1/search?kind=${kind}`)
        const { hits } = (await response.json()) as { hits: { actor: string }[] }
        if (hits[0]?.actor === name) break
        await pause(200)
      }
    }
    assert.equal(await product.stop(), 0)
  })
})
