import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

import type { Client } from 'pg'

import { openControlRecord } from '../../schemas/control-record.ts'
import { controlKey, controlSignedText } from '../../schemas/control.ts'
import type { OverrideUpdate } from '../../schemas/control.ts'
import type { SessionPassword } from '../../services/api/schemas/credentials.ts'
import { keyOf, signerOf } from '../../services/all-in-one/data-directory.ts'
import type { Person } from '../../services/all-in-one/demo/issuer/people.ts'
import { openBus } from '../../services/all-in-one/open-bus.ts'
import { followTopic } from '../../services/bus/follow-topic.ts'
import { topics } from '../../services/bus/topics.ts'
import { parseVkey } from '../../services/ledger/proof/note.ts'
import { createLogger } from '../../services/runtime/logger.ts'
import { aDeployment } from '../support/deployment.ts'
import type { Deployment } from '../support/deployment.ts'
import {
  aPerson,
  approvalIdIn,
  approvalOf,
  assertForbidden,
  numbersOf,
  peopleCount,
  runsSoon,
  tried as triedBy,
} from '../support/held-statements.ts'
import { runCommand } from '../support/product-process.ts'
import type { CommandOutcome, RunningProduct } from '../support/product-process.ts'

const policy = `version: 1
rules:${peopleCount}
  - id: deletes-wait
    targets: ['*']
    statements: [delete]
    outcome: hold
    approval:
      role: approvers
      break_glass: { role: on-call, review_within_hours: 1 }
    reason: deleting needs a second person
`

// Olivia could approve what others ask for; her own break-glass is still not hers to review.
const people: readonly Person[] = [
  aPerson('olivia', 'Olivia Okafor', ['approvers', 'on-call']),
  aPerson('nia', 'Nia Novák', ['approvers', 'on-call']),
  aPerson('sam', 'Sam Silva', ['security']),
  // On call, and with no role in the console.
  aPerson('ben', 'Ben Berg', ['on-call']),
]

suite('break-glass, on the whole product', () => {
  let deployment: Deployment
  let product: RunningProduct
  let client: Client
  let overridden = ''
  let waiting = ''
  before(async () => {
    deployment = await aDeployment({ policy, people })
    product = await deployment.start()
    client = await connected()
    for (const n of [1, 2]) await client.query(`INSERT INTO numbers VALUES (${n})`)
  })
  after(async () => {
    await client.end()
    await deployment[Symbol.asyncDispose]()
  })

  const connected = (by?: SessionPassword): Promise<Client> => deployment.connected(by)
  const call = (username: string, path: string, body?: unknown): Promise<Response> =>
    deployment.call(username, path, body)
  const tried = (text: string): Promise<string> => triedBy(client, text)
  /** The id of what is held, as soon as it is sealed and found. */
  const held = async (text: string): Promise<string> => {
    const id = approvalIdIn(await tried(text))
    await approvalOf(deployment, id)
    return id
  }
  const affidavit = async (
    username: string,
    ...args: readonly string[]
  ): Promise<CommandOutcome> => {
    return runCommand([...args, '--sign-in', await deployment.signInFile(username)])
  }
  const override = async (username: string, id: string, reason: string): Promise<Response> => {
    const { binding_sha256 } = await approvalOf(deployment, id)
    return call(username, `/v1/approvals/${id}/override`, { reason, binding_sha256 })
  }
  const measured = async (name: string): Promise<string | undefined> => {
    const text = await (await fetch(new URL('/metrics', deployment.api))).text()
    return new RegExp(`^affidavit_${name} (\\d+)$`, 'm').exec(text)?.[1]
  }
  /** What the search says of the events of this type, once there is one. */
  const remarks = async (kind: string): Promise<readonly (string | null)[]> => {
    for (;;) {
      const response = await call('sam', `/v1/search?kind=${kind}`)
      const { hits } = (await response.json()) as { hits: { remark: string | null }[] }
      if (hits.length > 0) return hits.map(({ remark }) => remark)
      await pause(200)
    }
  }

  test('who asks may override the hold with a reason, and it runs once', async () => {
    const text = 'DELETE FROM numbers WHERE n = 1'
    overridden = await held(text)
    await assertForbidden(await override('nia', overridden, 'helping'), /for the person who asks/)
    await assertForbidden(await override('sam', overridden, 'curious'), /for the person who asks/)
    const args = ['approvals', 'break-glass', overridden, '--reason', 'the shop is down']
    const broken = await affidavit('olivia', ...args)
    assert.equal(broken.status, 0, broken.stderr)
    assert.match(
      broken.stdout,
      /break-glass by Olivia Okafor at 2\S+Z: the shop is down\n {2}to be reviewed/,
    )
    await runsSoon(client, text)
    assert.match(await tried(text), /^held for approval/, 'it is good for one use')
    assert.deepEqual(await numbersOf(deployment), [2])
    assert.deepEqual(await remarks('approval.used'), [
      `runs by break-glass of Olivia Okafor (approval ${overridden})`,
    ])
    const [said] = await remarks('approval.overridden')
    assert.match(said ?? '', /^break-glass by Olivia Okafor: the shop is down \(approval .* until/)
    assert.equal(await measured('overrides_unreviewed'), '1')
  })

  test('it is reviewed by another person only', async () => {
    const args = ['review', overridden, '--verdict', 'justified', '--reason', 'mine']
    const own = await affidavit('olivia', 'approvals', ...args)
    assert.notEqual(own.status, 0)
    assert.match(own.stderr, /or reviews his own break-glass/)
    const unable = await affidavit('sam', 'approvals', ...args)
    assert.match(unable.stderr, /this needs the role approver/)
    const list = await affidavit('sam', 'approvals', 'list')
    assert.match(list.stdout, new RegExp(`${overridden} {2}waits for review\n`))
    waiting = await held('DELETE FROM numbers WHERE n = 2')
  })

  test('who has no role sees his own requests and no other, and may override them', async () => {
    const response = await call('ben', '/v1/credentials', { target: 'numbers' })
    const ben = await connected((await response.json()) as SessionPassword)
    const text = 'DELETE FROM numbers WHERE n = 3'
    await assert.rejects(ben.query(text), { code: '42501', message: /^held for approval/ })
    const own = async () => {
      const answer = await call('ben', '/v1/approvals')
      return (await answer.json()) as { approvals: { approval_id: string; requester: object }[] }
    }
    while ((await own()).approvals.length === 0) await pause(200)
    const { approvals } = await own()
    assert.equal(approvals.length, 1)
    assert.partialDeepStrictEqual(approvals, [{ requester: { subject: 'ben' } }])
    await assertForbidden(await call('ben', `/v1/approvals/${overridden}`), /this needs the role/)
    const overrides = await call('ben', '/v1/overrides')
    assert.deepEqual(await overrides.json(), { overrides: [] })
    const id = approvals[0]?.approval_id ?? ''
    const broken = await affidavit('ben', 'approvals', 'break-glass', id, '--reason', 'a leak')
    assert.equal(broken.status, 0, broken.stderr)
    await runsSoon(ben, text)
    await ben.end()
    const args = ['review', id, '--verdict', 'justified', '--reason', 'it leaked']
    assert.equal((await affidavit('nia', 'approvals', ...args)).status, 0)
  })

  test('once it is overdue, over a restart, there is no password and no break-glass until it is reviewed', async () => {
    await client.end()
    const kept = await deployment.sessionPassword()
    assert.equal(await product.stop(), 0)
    await makeOverdue(deployment, overridden)
    product = await deployment.start()
    assert.equal(await measured('overrides_overdue'), '1')
    await assert.rejects(
      deployment.sessionPassword(),
      /Olivia Okafor broke the glass at numbers .* somebody else with the role approvers has to review it/,
    )
    await assert.rejects(connected(kept), /Olivia Okafor broke the glass at numbers/)
    await assertForbidden(
      await override('olivia', waiting, 'again'),
      /review of an earlier break-glass/,
    )
    assert.match((await remarks('override.overdue'))[0] ?? '', /by Olivia Okafor was not reviewed/)
    await pause(6_000)
    assert.equal((await remarks('override.overdue')).length, 1, 'it is recorded once')

    const args = ['review', overridden, '--verdict', 'not-justified', '--reason', 'it was up']
    const review = await affidavit('nia', 'approvals', ...args)
    assert.equal(review.status, 0, review.stderr)
    assert.match(review.stdout, /found not justified by Nia Novák: it was up/)
    const again = await affidavit('nia', 'approvals', ...args)
    assert.match(again.stderr, /it was reviewed already/)
    assert.equal(await measured('overrides_unreviewed'), '0')
    assert.equal(await measured('overrides_overdue'), '0')
    const found = `break-glass by Olivia Okafor was not justified: it was up (approval ${overridden})`
    while (!(await remarks('override.reviewed')).includes(found)) await pause(200)
    client = await connected(kept)
    const late = await override('olivia', waiting, 'now it may be')
    assert.equal(late.status, 409)
    assert.match(await late.text(), /the requester has to send it again/)
    const asked = await held('DELETE FROM numbers WHERE n = 2')
    const broken = await override('olivia', asked, 'now it may be')
    assert.equal(broken.status, 201, await broken.text())
    assert.equal(await product.stop(), 0)
  })
})

/** What the product told of the override, told again by its own key as if that had been two hours ago. */
async function makeOverdue({ config }: Deployment, approvalId: string): Promise<void> {
  const logger = createLogger('error')
  const [key, { vkey }] = await Promise.all([keyOf(config, 'api'), signerOf(config, 'api')])
  await using bus = await openBus(config, logger)
  const found: OverrideUpdate[] = []
  const stop = new AbortController()
  const following = followTopic({
    bus,
    group: 'test',
    topic: topics.controlUpdates,
    take: (record) => {
      const opened = openControlRecord(record, parseVkey(vkey).key)
      if (opened.ok && opened.update.kind === 'override') found.push(opened.update)
    },
    signal: stop.signal,
  })
  await following.caughtUp
  stop.abort()
  await following.done
  const told = found.find(({ approval_id: id }) => id === approvalId)
  assert.ok(told !== undefined, 'its review is told')
  assert.equal(told.due_at - told.overridden_at, 3_600_000)
  const hoursAgo = {
    overridden_at: told.overridden_at - 7_200_000,
    due_at: told.due_at - 7_200_000,
  }
  const update = { ...told, ...hoursAgo, version: told.version + 1 }
  const text = JSON.stringify(update)
  const signature = key.sign(controlSignedText(text)).toString('base64')
  await bus.producer.send(topics.controlUpdates, Buffer.from(controlKey(update)), [
    { value: Buffer.from(JSON.stringify({ update: text, signature })), headers: {} },
  ])
}
