import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, beforeEach, suite, test } from 'node:test'

import { loadGrammar } from '../../services/edge/postgres/facts/grammar.ts'
import { RulePolicy } from '../../services/edge/postgres/facts/rule-policy.ts'
import { systemClock } from '../../services/runtime/clock.ts'
import {
  anActor,
  MemoryCredentials,
  password,
  startEdge,
  untilTarget,
} from '../services/edge/postgres/edge-fixture.ts'
import type { TestEdge } from '../services/edge/postgres/edge-fixture.ts'
import { startMaskedTarget } from '../services/edge/postgres/masking/masked-target.ts'
import type { MaskedTarget } from '../services/edge/postgres/masking/masked-target.ts'
import { rawClient } from '../services/edge/postgres/raw-client.ts'
import { startLyingTarget } from './lying-target.ts'
import type { LyingTarget, Rewrite } from './lying-target.ts'
import { startTap } from './wire-tap.ts'
import type { WireTap } from './wire-tap.ts'

const secret = '111-22-3333'
const truth: Rewrite = (_type, message) => message

suite('a target that does not keep to the protocol', () => {
  let masked: MaskedTarget
  let lying: LyingTarget
  let edge: TestEdge
  let tap: WireTap
  const started = new AsyncDisposableStack()

  before(async () => {
    masked = started.use(await startMaskedTarget(schema, classification))
    lying = started.use(await startLyingTarget(masked.target.host, masked.target.port))
    const credentials = new MemoryCredentials()
    credentials.issue('agent', password, { target: 'm', actor: anActor })
    const policy = new RulePolicy({
      grammar: await loadGrammar(),
      policies: masked.policies,
      clock: systemClock,
      masking: new Map([['m', masked.masking]]),
    })
    edge = started.use(
      await startEdge(masked.target, {
        plain: true,
        target: { name: 'm', port: lying.port, tls: { mode: 'disable' } },
        options: { guard: { credentials, policy } },
      }),
    )
    tap = started.use(await startTap(edge.client.port))
  })
  beforeEach(() => {
    lying.rewrite = truth
  })
  after(() => started.disposeAsync())

  const client = () => rawClient({ client: { ...edge.client, port: tap.port } })

  const lies: readonly (readonly [name: string, rewrite: Rewrite])[] = [
    ['a row with more fields than were described', fields((count) => count + 1)],
    ['a row with fewer fields than were described', fields((count) => count - 1)],
    ['a row with no field', fields(() => 0)],
    ['a row whose field is longer than the row', field(10_000)],
    ['a row whose field has a negative length', field(-2)],
    ['a row that was not described', (type, message) => (type === 'T' ? Buffer.of() : message)],
    ['CopyBoth instead of rows', (type, message) => (type === 'T' ? copy('W') : message)],
    ['COPY OUT instead of rows', (type, message) => (type === 'T' ? copy('H') : message)],
  ]
  for (const [name, rewrite] of lies) {
    test(`${name}: nothing of it reaches the client, and the session ends`, async () => {
      const session = await client()
      assert.deepEqual((await session.query('SELECT ssn FROM m.secret')).rows, [['****3333']])
      tap.take()
      lying.rewrite = rewrite
      await session.query('SELECT ssn FROM m.secret')
      const said = tap.take().toString('latin1')
      assert.equal(said.includes(secret), false)
      assert.match(said, /FATAL/)
      await session.close()
    })
  }

  test('cancel by the key that the target gave, which no client was told, cancels nothing', async () => {
    const session = await client()
    tap.take()
    await session.send([{ type: 'query', text: Buffer.from('SELECT pg_sleep(60)') }])
    await untilTarget(masked.target, "wait_event = 'PgSleep'")
    const ours = session.startup.find((message) => message.type === 'backend-key-data')
    assert.ok(ours?.type === 'backend-key-data')
    assert.notDeepEqual(keyBytes(ours), lying.cancelKey)
    await cancel(edge, lying.cancelKey)
    await untilTarget(masked.target, "wait_event = 'PgSleep'")
    await cancel(edge, keyBytes(ours))
    assert.deepEqual((await session.answer()).errors, ['57014'])
    await session.close()
  })
})

const schema = `
CREATE SCHEMA m;
CREATE TABLE m.secret (ssn text);
INSERT INTO m.secret VALUES ('${secret}')`
const classification = 'version: 1\ncolumns: [{ column: m.secret.ssn, class: ssn, mask: last4 }]'

// DataRow: Int16 n, (Int32 length, bytes) × n
function fields(count: (of: number) => number): Rewrite {
  return (type, message) => {
    if (type !== 'D') return message
    const changed = Buffer.from(message)
    changed.writeInt16BE(count(changed.readInt16BE(5)), 5)
    return changed
  }
}

function field(length: number): Rewrite {
  return (type, message) => {
    if (type !== 'D') return message
    const changed = Buffer.from(message)
    changed.writeInt32BE(length, 7)
    return changed
  }
}

// CopyOutResponse, CopyBothResponse: Byte format, Int16 n, Int16 format × n
function copy(type: 'W' | 'H'): Buffer {
  return Buffer.concat([Buffer.from(type), Buffer.of(0, 0, 0, 7, 0, 0, 0)])
}

function keyBytes({ processId, key }: { readonly processId: number; readonly key: Buffer }) {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(processId)
  return Buffer.concat([bytes, key])
}

// CancelRequest: Int32 length, Int32 80877102, Int32 pid, secret
async function cancel({ client }: TestEdge, key: Buffer): Promise<void> {
  const head = Buffer.alloc(8)
  head.writeInt32BE(8 + key.length)
  head.writeInt32BE(80_877_102, 4)
  const socket = connect(client.port, client.host)
  socket.end(Buffer.concat([head, key]))
  socket.resume()
  await once(socket, 'close')
}
