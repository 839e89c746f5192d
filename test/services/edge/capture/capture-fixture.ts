import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { pino } from 'pino'

import { decodeEvent } from '../../../../schemas/codec.ts'
import type { AuditEvent, EventContext } from '../../../../schemas/event.ts'
import { BusError } from '../../../../services/bus/bus.ts'
import type { Bus, BusRecord } from '../../../../services/bus/bus.ts'
import { openRecorder } from '../../../../services/edge/capture/spooled-recorder.ts'
import type {
  RecorderOptions,
  SpooledRecorder,
} from '../../../../services/edge/capture/spooled-recorder.ts'
import type { SpoolFiles } from '../../../../services/edge/capture/spool-files.ts'
import { systemClock } from '../../../../services/runtime/clock.ts'

const keys = generateKeyPairSync('ed25519')

export const key = {
  publicKey: Buffer.from(keys.publicKey.export({ format: 'jwk' }).x ?? '', 'base64url'),
  sign: (message: Buffer) => sign(null, message, keys.privateKey),
}

export function contextOf(session: string | null): EventContext {
  return {
    session_id: session,
    actor: null,
    target: null,
    source: null,
    purpose: null,
    data_labels: [],
    policy_digest: null,
    tenant: 'test',
    synthetic: false,
  }
}

/** A bus in memory whose answers a test decides. What it keeps is what was acknowledged. */
export class ListBus {
  readonly values: Buffer[] = []
  /** The size of each request that was taken. */
  readonly requests: number[] = []
  isDown = false
  /** Asked before each request: a code lets it fail, after it was written where `afterwards` is set. */
  fault: (key: string) => 'before' | 'afterwards' | null = () => null
  readonly #underway = new Set<string>()

  get bus(): Bus {
    const send = async (_topic: string, keyBytes: Buffer, records: readonly BusRecord[]) => {
      const name = keyBytes.toString()
      assert.ok(!this.#underway.has(name), 'one request of a key at a time')
      this.#underway.add(name)
      await new Promise((resolve) => setImmediate(resolve))
      this.#underway.delete(name)
      const fault = this.isDown ? 'before' : this.fault(name)
      if (fault === 'before') throw new BusError('BUS_UNAVAILABLE', 'the bus is down')
      const baseOffset = BigInt(this.values.length)
      this.requests.push(records.length)
      for (const { value } of records) this.values.push(Buffer.from(value))
      if (fault === 'afterwards') throw new BusError('BUS_UNAVAILABLE', 'the answer was lost')
      return { partition: 0, baseOffset }
    }
    return { producer: { send } } as unknown as Bus
  }

  get events(): AuditEvent[] {
    return this.values.map((value) => decodeEvent(value))
  }

  chain(): readonly ChainLink[] {
    return chainOf(this.values)
  }
}

export interface ChainLink {
  readonly event: AuditEvent
  readonly value: Buffer
}

/** The distinct values in order of `producer_seq`: they begin with 0, leave none out, and each names the one before. */
export function chainOf(values: readonly Buffer[]): readonly ChainLink[] {
  const bySeq = new Map<number, Buffer>()
  for (const value of values) {
    const { producer_seq: seq } = decodeEvent(value)
    const known = bySeq.get(seq)
    if (known !== undefined) assert.ok(value.equals(known), `number ${seq} was used twice`)
    bySeq.set(seq, value)
  }
  const chain = [...bySeq]
    .sort(([a], [b]) => a - b)
    .map(([, value]) => ({ event: decodeEvent(value), value }))
  let prev: Buffer = Buffer.alloc(32)
  for (const [at, { event, value }] of chain.entries()) {
    assert.equal(event.producer_seq, at, 'numbers have no gap')
    assert.ok(event.prev.equals(prev), `event ${at} names the one before`)
    prev = createHash('sha256').update(value).digest()
  }
  return chain
}

const undone = new WeakMap<TestContext, (() => unknown)[]>()

/** Undoes what a test did, the newest first: the runner's own hooks run in the opposite order. */
export function afterwards(t: TestContext, undo: () => unknown): void {
  const known = undone.get(t)
  if (known !== undefined) {
    known.push(undo)
    return
  }
  const all = [undo]
  undone.set(t, all)
  t.after(async () => {
    for (const each of all.reverse()) await each()
  })
}

export function directoryFor(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'affidavit-spool-'))
  afterwards(t, () => {
    rmSync(directory, { recursive: true, force: true })
  })
  return directory
}

/** The directory as a crash at this moment leaves it. */
export function crashedCopy(t: TestContext, directory: string): string {
  const copy = directoryFor(t)
  cpSync(directory, copy, { recursive: true })
  return copy
}

export function segmentsIn(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.spool'))
    .sort()
    .map((name) => join(directory, name))
}

/** Disposed of when the test ends, if the test has not done so. */
export async function open(
  t: TestContext,
  directory: string,
  bus: Bus,
  more: Partial<RecorderOptions> = {},
): Promise<SpooledRecorder> {
  const recorder = await openRecorder({
    producer: 'edge-1',
    directory,
    tenant: 'test',
    version: '0',
    key,
    bus,
    clock: systemClock,
    logger: pino({ level: 'silent' }),
    heartbeatMs: 60_000,
    windowMs: 2,
    closeMs: 1_000,
    ...more,
  })
  afterwards(t, () => recorder[Symbol.asyncDispose]())
  return recorder
}

export type FilesCall = 'create' | 'write' | 'sync' | 'reserve' | 'state' | 'failure'

/** The files, but calls for which `fault` gives a code fail with it. A failing write leaves half of its bytes. */
export function failing(files: SpoolFiles, fault: (call: FilesCall) => string | null): SpoolFiles {
  const check = (call: FilesCall): void => {
    const code = fault(call)
    if (code !== null) throw Object.assign(new Error(code), { code })
  }
  return {
    ...files,
    async create(name) {
      check('create')
      const segment = await files.create(name)
      return {
        write(bytes, position) {
          if (fault('write') !== null) {
            segment.write(bytes.subarray(0, bytes.length >> 1), position)
          }
          check('write')
          segment.write(bytes, position)
        },
        async sync() {
          check('sync')
          await segment.sync()
        },
        syncNow() {
          check('sync')
          segment.syncNow()
        },
        [Symbol.asyncDispose]: () => segment[Symbol.asyncDispose](),
      }
    },
    async writeState(text) {
      check('state')
      await files.writeState(text)
    },
    async writeFailure(text) {
      check('failure')
      await files.writeFailure(text)
    },
    reserve: (bytes) => (fault('reserve') === null ? files.reserve(bytes) : Promise.resolve(false)),
  }
}
