import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

import { Client, DatabaseError } from 'pg'

import type { AuditEvent } from '../../schemas/event.ts'
import type { SessionPassword } from '../../services/api/schemas/credentials.ts'
import { eventually } from '../support/demo-stack.ts'
import { aDeployment } from '../support/deployment.ts'
import { runCommand } from '../support/product-process.ts'
import { canMount, SmallDisk } from '../support/small-disk.ts'
import { readSealed, requestsOf } from './sealed-ledger.ts'

const refusal = /cannot be recorded/

test('refuse: on a full disk statements are refused in words, and with room again nothing is missing', async (t) => {
  if (!canMount(t)) return
  await using deployment = await aDeployment({ onAuditFailure: 'refuse' })
  using disk = new SmallDisk(join(deployment.config.dataDirectory, 'spool'), 24)
  await using product = await deployment.start()
  await using worker = new Worker(await deployment.sessionPassword())
  await worker.work(20)
  disk.fill()
  await eventually('statements to be refused', async () => {
    await worker.statement()
    return worker.refused.length >= 20 ? true : null
  })
  for (const { message } of worker.refused) assert.match(message, refusal)
  // Long enough for the edge to look at itself.
  await pause(1_500)
  disk.makeRoom()
  const before = worker.acknowledged.length
  await eventually('statements to be taken again', async () => {
    await worker.statement()
    return worker.acknowledged.length > before + 20 ? true : null
  })
  await pause(1_500)
  assert.equal(await product.stop(), 0, product.said)

  const { events } = await readSealed(deployment.config)
  const sealed = new Map(requestsOf(events).map(({ n, outcome }) => [n, outcome]))
  for (const n of worker.acknowledged) assert.equal(sealed.get(n), 'ok', `${n} is sealed`)
  const [degraded, recovered] = changesOf(events)
  assert.equal(degraded?.state, 'degraded')
  assert.match(degraded.reason ?? '', /full/)
  assert.equal(recovered?.state, 'running')
  const { refused, unrecorded } = countsOf(events)
  // The one that was taken just before the disk was full is recorded, and was not run.
  assert.ok(refused >= worker.refused.length - 1, `${refused} of ${worker.refused.length}`)
  assert.equal(unrecorded, 0)
  const rows = await deployment.askTarget<{ n: string }>('SELECT n FROM numbers')
  for (const { n } of rows) assert.ok(sealed.has(Number(n)), `row ${n} was recorded before it ran`)
})

test('allow: on a full disk statements go on, and how many were not recorded is in an event', async (t) => {
  if (!canMount(t)) return
  await using deployment = await aDeployment({ onAuditFailure: 'allow' })
  using disk = new SmallDisk(join(deployment.config.dataDirectory, 'spool'), 24)
  await using product = await deployment.start()
  await using worker = new Worker(await deployment.sessionPassword())
  await worker.work(20)
  disk.fill()
  await worker.work(200)
  await pause(1_500)
  await worker.work(50)
  disk.makeRoom()
  await pause(2_500)
  await worker.work(20)
  assert.equal(await product.stop(), 0, product.said)

  assert.deepEqual(worker.refused, [])
  assert.equal(worker.acknowledged.length, 290)
  const { events } = await readSealed(deployment.config)
  const sealed = new Set(requestsOf(events, 'let-through').map(({ n }) => n))
  const missing = worker.acknowledged.filter((n) => !sealed.has(n))
  assert.ok(missing.length > 0, 'the disk was full')
  // A disk with little room may be full again at once: then it says so again, and in the end that it is well.
  const states = changesOf(events).map(({ state }) => state)
  assert.ok(states.length >= 2 && states.length % 2 === 0, states.join())
  for (const [at, state] of states.entries()) {
    assert.equal(state, at % 2 === 0 ? 'degraded' : 'running')
  }
  assert.equal(countsOf(events).unrecorded, missing.length)
})

test('a spool that cannot be written: nothing starts, and one sentence says why', async (t) => {
  if (!canMount(t)) return
  await using deployment = await aDeployment()
  using _disk = new SmallDisk(join(deployment.config.dataDirectory, 'spool'), 1, 'ro')
  const { status, stderr, stdout } = await runCommand([
    'up',
    '--config',
    deployment.configFile,
    '--log-level',
    'error',
  ])
  assert.equal(status, 1)
  assert.equal(stdout, '')
  assert.match(stderr, /^affidavit: .*spool.*\n$/)
})

/** What the edge said of its own state, in order. */
function changesOf(events: readonly AuditEvent[]) {
  return events
    .filter(
      ({ producer, type }) => producer === 'edge-1' && /^edge\.(degraded|recovered)$/.test(type),
    )
    .flatMap(({ edge }) => (edge === null ? [] : [edge]))
}

/** Each event of the edge counts what came since the one before. */
function countsOf(events: readonly AuditEvent[]): { refused: number; unrecorded: number } {
  const counts = { refused: 0, unrecorded: 0 }
  for (const { producer, edge } of events) {
    if (producer !== 'edge-1' || edge === null) continue
    counts.refused += edge.refused
    counts.unrecorded += edge.unrecorded
  }
  return counts
}

/** One client that inserts number after number, and keeps what it was told. */
class Worker implements AsyncDisposable {
  readonly acknowledged: number[] = []
  readonly refused: DatabaseError[] = []
  readonly #password: SessionPassword
  #client: Client | null = null
  #next = 0

  constructor(password: SessionPassword) {
    this.#password = password
  }

  async work(statements: number): Promise<void> {
    for (let count = 0; count < statements; count += 1) await this.statement()
  }

  async statement(): Promise<void> {
    const n = this.#next
    this.#next += 1
    try {
      this.#client ??= await this.#connected()
      await this.#client.query(`INSERT INTO numbers (n) VALUES (${n})`)
      this.acknowledged.push(n)
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error
      this.refused.push(error)
      // A session that ended is begun anew.
      if (error.severity === 'FATAL') this.#client = null
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client?.end()
  }

  async #connected(): Promise<Client> {
    const { host, port, database, user, password, ca_pem: ca } = this.#password
    const client = new Client({ host, port, database, user, password, ssl: { ca } })
    client.on('error', () => undefined)
    await client.connect()
    return client
  }
}
