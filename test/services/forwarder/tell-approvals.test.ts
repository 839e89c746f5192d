import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { IncomingHttpHeaders, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import {
  openEmbeddedBus,
  type EmbeddedBusOptions,
} from '../../../services/bus/adapters/embedded/embedded-bus.ts'
import type { Bus } from '../../../services/bus/bus.ts'
import { topics } from '../../../services/bus/topics.ts'
import type { EventDraft, Recorder } from '../../../services/edge/capture/recorder.ts'
import { webhookHeaders } from '../../../services/forwarder/mapping/standard-webhook.ts'
import { Webhook } from '../../../services/forwarder/sinks/webhook.ts'
import { tellApprovals } from '../../../services/forwarder/tell-approvals.ts'
import type { Teller } from '../../../services/forwarder/tell-approvals.ts'
import { ALog } from '../../support/a-log.ts'
import { publish, silent } from '../indexer/bus-with-logs.ts'
import { approvalId, sealStep } from './approval-events.ts'
import { until } from '../../support/until.ts'

const secret = Buffer.alloc(32, 7)
const retentionMs = 3_600_000
const nowMs = Date.UTC(2026, 10, 25, 8)
const clock = { nowMs: () => nowMs, nowUs: () => nowMs * 1000 }

test('every step of an approval is told in order, signed, once it is sealed, and that is recorded', async (t) => {
  const stage = await aStage(t)
  const log = new ALog()
  sealStep(log, 'approval.requested', nowMs)
  log.seal({ type: 'edge.heartbeat' })
  const answer = { decision_id: 'd', reason: 'ticket 7', roles: ['approver'], missing: 0 }
  sealStep(log, 'approval.granted', nowMs + 1_000, answer)
  sealStep(log, 'override.overdue', nowMs + 2_000)
  await publish(stage.bus, log.records)
  await using _teller = stage.tell()
  await until(() => stage.received.length === 3 && stage.recorded.length === 3)
  const [requested, granted, overdue] = stage.received
  assert.ok(requested !== undefined && granted !== undefined && overdue !== undefined)
  for (const { headers, body } of stage.received) {
    const id = String(headers['webhook-id'])
    const signed = webhookHeaders({ id, body }, secret, nowMs)
    for (const [name, value] of Object.entries(signed)) assert.equal(headers[name], value)
  }
  const told = JSON.parse(granted.body) as { type: string; data: Record<string, unknown> }
  assert.equal((JSON.parse(requested.body) as { type: string }).type, 'approval.requested')
  assert.equal(told.type, 'approval.granted')
  assert.equal((JSON.parse(overdue.body) as { type: string }).type, 'override.overdue')
  assert.equal(told.data['approval_id'], approvalId)
  assert.equal(told.data['reason'], 'ticket 7')
  assert.equal(told.data['console'], 'https://console.example/approvals')
  assert.deepEqual(
    stage.recorded.map(({ type, evidence }) => [type, evidence?.reference]),
    [
      ['alert.delivered', approvalId],
      ['alert.delivered', approvalId],
      ['alert.delivered', approvalId],
    ],
  )
})

test('a receiver that is away, fails or has too much to do is told later, under the same id', async (t) => {
  const stage = await aStage(t)
  stage.answers.push('hang up', 500, 429)
  const log = new ALog()
  sealStep(log, 'approval.requested', nowMs)
  await publish(stage.bus, log.records)
  await using teller = stage.tell()
  await until(() => stage.received.length === 3)
  await until(() => stage.recorded.length === 1)
  assert.equal(new Set(stage.received.map(({ headers }) => headers['webhook-id'])).size, 1)
  assert.equal(stage.recorded[0]?.type, 'alert.delivered')
  assert.deepEqual(teller.health(), { state: 'ok' })
})

test('health says that it is not told; what waits survives a restart', async (t) => {
  const stage = await aStage(t)
  const log = new ALog()
  sealStep(log, 'approval.requested', nowMs)
  await publish(stage.bus, log.records)
  stage.server.close()
  stage.server.closeAllConnections()
  {
    await using teller = stage.tell()
    await until(() => teller.health().state === 'degraded')
    assert.match(teller.health().reason ?? '', /not taken \d+ times: ECONNREFUSED/)
  }
  assert.deepEqual(stage.recorded, [])
  stage.server.listen(stage.port, '127.0.0.1')
  await using _again = stage.tell()
  await until(() => stage.recorded.length === 1)
  assert.equal(stage.received.length, 1)
})

test('what it refuses is recorded as sent and not taken, and the next is told; redirects are not followed', async (t) => {
  const stage = await aStage(t)
  stage.answers.push(400, 302)
  const log = new ALog()
  for (const type of ['approval.requested', 'approval.granted', 'approval.used'] as const) {
    sealStep(log, type, nowMs)
  }
  await publish(stage.bus, log.records)
  await using teller = stage.tell()
  await until(() => stage.recorded.length === 3)
  assert.deepEqual(
    stage.recorded.map(({ type }) => type),
    ['alert.sent', 'alert.sent', 'alert.delivered'],
  )
  assert.equal(stage.received.length, 3)
  assert.deepEqual(teller.health(), {
    state: 'degraded',
    reason: '2 messages were refused since the start',
  })
})

test('what nobody waits for any more is not told', async (t) => {
  const stage = await aStage(t)
  const log = new ALog()
  sealStep(log, 'approval.requested', nowMs - 600_000)
  sealStep(log, 'approval.denied', nowMs - 86_400_000)
  sealStep(log, 'approval.requested', nowMs - 599_999)
  await publish(stage.bus, log.records)
  await using _teller = stage.tell()
  await until(() => stage.recorded.length === 1)
  assert.equal(stage.received.length, 1)
})

test('who was away for longer than the bus keeps records goes on with what there is, and health says so', async (t) => {
  let busMs = nowMs
  const stage = await aStage(t, { clock: () => busMs, retentionEveryMs: 5 })
  const log = new ALog()
  const requested = sealStep(log, 'approval.requested', nowMs)
  await publish(stage.bus, [requested])
  {
    await using _teller = stage.tell()
    const committed = () => stage.bus.committed('webhook-chat', topics.ledgerSealed, 0)
    await until(async () => (await committed()) === 1n)
  }
  await publish(stage.bus, [
    sealStep(log, 'approval.granted', nowMs),
    sealStep(log, 'approval.used', nowMs),
  ])
  busMs += retentionMs + 1
  await until(async () => (await stage.bus.watermarks(topics.ledgerSealed, 0)).low >= 3n)
  await publish(stage.bus, [sealStep(log, 'approval.denied', nowMs)])
  await using teller = stage.tell()
  await until(() => stage.received.length === 2)
  assert.equal(
    (JSON.parse(stage.received[1]?.body ?? '') as { type: string }).type,
    'approval.denied',
  )
  assert.deepEqual(teller.health(), {
    state: 'degraded',
    reason:
      '2 records of ledger.sealed were deleted before they were read; no step of an approval among them was told',
  })
})

interface Received {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

interface Stage {
  readonly bus: Bus
  readonly server: Server
  readonly port: number
  /** What the receiver does with the next requests; afterwards it takes all. */
  readonly answers: (number | 'hang up')[]
  readonly received: Received[]
  readonly recorded: EventDraft[]
  tell(): Teller
}

/** A real bus, a real receiver, and a recorder that only remembers. */
async function aStage(t: TestContext, options: Partial<EmbeddedBusOptions> = {}): Promise<Stage> {
  const directory = await mkdtemp(join(tmpdir(), 'webhook-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const bus = await openEmbeddedBus({
    file: join(directory, 'bus.sqlite'),
    topics: [{ name: topics.ledgerSealed, partitions: 1, retentionMs }],
    ...options,
  })
  t.after(() => bus[Symbol.asyncDispose]())
  const answers: (number | 'hang up')[] = []
  const received: Received[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (part: string) => (body += part))
    request.on('end', () => {
      const answer = answers.shift() ?? 204
      if (answer === 'hang up') {
        request.socket.destroy()
        return
      }
      received.push({ headers: request.headers, body })
      response.writeHead(answer, { location: `http://127.0.0.1:${port}/elsewhere` }).end()
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const recorded: EventDraft[] = []
  const recorder = {
    scope: (context) => ({
      context,
      record: (draft) => {
        recorded.push(draft)
        return { ok: true, producerSeq: recorded.length }
      },
    }),
  } satisfies Pick<Recorder, 'scope'>
  const url = `http://127.0.0.1:${port}/approvals`
  return {
    bus,
    server,
    port,
    answers,
    received,
    recorded,
    tell: () =>
      tellApprovals({
        bus,
        webhook: new Webhook({ name: 'chat', url, secret, clock }),
        tenant: 'default',
        consoleUrl: 'https://console.example',
        recorder,
        clock,
        logger: silent,
        signal: new AbortController().signal,
        firstPauseMs: 5,
      }),
  }
}
