import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import type { AuditEvent } from '../../schemas/event.ts'
import { eventTypes } from '../../schemas/event-types.ts'
import type { EventDraft, Recorder } from '../../services/edge/capture/recorder.ts'
import { initLedger, openLedger } from '../../services/ledger/adapters/files/open.ts'
import { ed25519Signer } from '../../services/ledger/proof/note.ts'
import type { LedgerReader } from '../../services/ledger/reader.ts'
import { openReporter } from '../../services/reporter/reporter.ts'
import type { ReporterOptions } from '../../services/reporter/reporter.ts'
import { systemClock } from '../../services/runtime/clock.ts'
import type { SigningKey } from '../../services/runtime/key-file.ts'
import { createLogger } from '../../services/runtime/logger.ts'
import { ChainOfEvents, aBus, aDirectory, ledgerOptions, sendEvents } from './a-ledger.ts'
import { until } from './until.ts'
import { aCompletion, aDecision, aRequest, aSession, anActor } from './an-event.ts'

export const dayStartMs = Date.UTC(2026, 10, 24)

/** A ledger with a day's work in it, and what a reporter needs beside it. */
export interface AReportedLedger extends AsyncDisposable {
  /** Of the ledger. */
  readonly directory: string
  readonly reader: LedgerReader
  /** Signs its log. */
  readonly key: SigningKey
  readonly options: ReporterOptions
  /** What the reporter recorded. */
  readonly recorded: EventDraft[]
  /** Seals more events. */
  seal(values: readonly Buffer[]): Promise<void>
}

export async function aReportedLedger(
  t: TestContext,
  given: Partial<ReporterOptions> = {},
  values: readonly Buffer[] = aDaysWork(),
): Promise<AReportedLedger> {
  const directory = await aDirectory(t)
  const options = await ledgerOptions(directory)
  await initLedger(options)
  const bus = await aBus(directory)
  const ledger = await openLedger(options)
  const stop = new AbortController()
  const running = ledger.run(bus, stop.signal)
  let sealed = 1
  const seal = async (more: readonly Buffer[]): Promise<void> => {
    await sendEvents(bus, more)
    sealed += more.length
    await until(async () => ((await ledger.reader.logs())[0]?.size ?? 0) >= sealed)
  }
  await seal(values)
  const recorded: EventDraft[] = []
  return {
    directory: options.directory,
    reader: ledger.reader,
    key: options.key,
    recorded,
    seal,
    async [Symbol.asyncDispose]() {
      stop.abort()
      await running
      await ledger[Symbol.asyncDispose]()
      await bus[Symbol.asyncDispose]()
    },
    options: {
      directory: join(directory, 'reports'),
      tenant: 'shop',
      build: '0.1.0',
      reader: ledger.reader,
      recorder: recorderInto(recorded),
      signer: ed25519Signer('ledger.example/test/reporter', Buffer.alloc(32, 7)),
      schedules: [],
      clock: systemClock,
      logger: createLogger('silent'),
      ...given,
    },
  }
}

/** An edge's day: it starts, serves one session with a statement that is blocked, and goes on. */
export function aDaysWork(chain = new ChainOfEvents()): Buffer[] {
  const us = (minutes: number): number => (dayStartMs + minutes * 60_000) * 1000
  const values: Buffer[] = []
  const add = (minutes: number, event: Partial<AuditEvent>): void => {
    values.push(chain.next({ occurred_at: us(minutes), tenant: 'shop', ...event }).value)
  }
  const edge = {
    version: '0.1.0',
    state: 'running',
    reason: null,
    event_types: eventTypes,
    sessions: 0,
    spool_events: 0,
    spool_bytes: 0,
    refused: 0,
    unrecorded: 0,
    durability: null,
    clock_offset_us: null,
    role: 'edge',
  } as const
  add(60, { type: 'edge.started', edge })
  add(60, {
    type: 'config.changed',
    change: {
      what: 'configuration',
      digest: Buffer.alloc(32, 1),
      previous: null,
      content: null,
      event_types: eventTypes,
    },
  })
  const context = {
    session_id: 'session-1',
    actor: anActor(),
    target: { name: 'shop', kind: 'postgres', address: '127.0.0.1:5432' },
    source: { address: '127.0.0.1', port: 40_000, tls: null },
  }
  add(60.5, { ...context, type: 'session.started', session: aSession() })
  const statements = ['SELECT 1', 'INSERT INTO orders VALUES (1)', 'DROP TABLE customers']
  statements.forEach((statement, index) => {
    const operation = statement.split(' ')[0]?.toLowerCase() ?? ''
    const isBlocked = operation === 'drop'
    const id = { ...context, request_id: `session-1.${index}` }
    add(60.6 + index / 10, {
      ...id,
      type: 'request.received',
      request: aRequest(statement, { operation, writes: isBlocked ? ['public.customers'] : [] }),
      decision: isBlocked ? aDecision({ outcome: 'block', rule_ids: ['no-drop'] }) : aDecision(),
    })
    add(60.65 + index / 10, {
      ...id,
      type: 'request.completed',
      completion: aCompletion({ outcome: isBlocked ? 'refused' : 'ok' }),
    })
  })
  for (let minute = 61; minute < 71; minute++) {
    add(minute, { type: 'edge.heartbeat', edge: { ...edge, event_types: [] } })
  }
  add(71, { ...context, type: 'session.ended', session: aSession({ outcome: 'closed' }) })
  add(71.5, { type: 'edge.stopped', edge: { ...edge, event_types: [], state: 'stopping' } })
  return values
}

/** The bundle of a day's report. */
export async function aBundle(t: TestContext): Promise<{ bytes: Buffer; fingerprint: string }> {
  await using ledger = await aReportedLedger(t)
  await using reporter = await openReporter(ledger.options)
  const day = { fromMs: dayStartMs, toMs: dayStartMs + 86_400_000 }
  const begun = await reporter.start({ control: 'au-2', ...day, trigger: 'ad_hoc' })
  const run = await reporter.finished(begun.id)
  const path = (await reporter.bundle(run.id)) ?? ''
  return { bytes: await readFile(path), fingerprint: run.keyFingerprint ?? '' }
}

function recorderInto(recorded: EventDraft[]): Recorder {
  return {
    producer: 'reporter',
    scope: (context) => ({
      context,
      record: (draft) => ({ ok: true, producerSeq: recorded.push(draft) - 1 }),
    }),
    noteUnrecorded: () => undefined,
    writeOut: () => undefined,
    afterWriteOut: (then) => then(),
    durable: () => Promise.resolve(),
    published: () => Promise.resolve(),
  }
}
