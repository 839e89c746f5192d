import { ownContext } from '../../schemas/event.ts'
import { template, title } from '../../reports/au-2/report.ts'
import type { FrozenInputs } from '../../reports/frozen.ts'
import { utc } from '../../reports/report-document.ts'
import type { RecordScope, Recorder } from '../edge/capture/recorder.ts'
import type { Signer } from '../ledger/proof/note.ts'
import type { LedgerReader } from '../ledger/reader.ts'
import type { Clock } from '../runtime/clock.ts'
import type { PartHealth } from '../runtime/health.ts'
import type { Logger } from '../runtime/logger.ts'
import { fingerprintOf } from './bundle/keys.ts'
import { ReportError } from './error.ts'
import { freezeCheckpoints } from './freeze.ts'
import { adHocId, scheduledId } from './periods.ts'
import type { Period } from './periods.ts'
import type { ReportRequest, ReportRun, Reports } from './report.ts'
import { ReportStore, newestFirst } from './report-store.ts'
import { runReport } from './run-report.ts'
import { missedPeriods, mostMissed, startSchedule } from './schedule.ts'
import type { ScheduledReport } from './schedule.ts'

export interface ReporterOptions {
  /** Where bundles are kept. */
  readonly directory: string
  readonly tenant: string
  /** What built this program, for the report. */
  readonly build: string
  readonly reader: LedgerReader
  readonly recorder: Recorder
  readonly signer: Signer
  readonly schedules: readonly ScheduledReport[]
  readonly clock: Clock
  readonly logger: Logger
}

const mostRunning = 4
const mostFailed = 50
const dayMs = 86_400_000

/** Opens what makes reports: reads the finished ones, makes up for missed ones, and follows the schedules until disposed. */
export async function openReporter(options: ReporterOptions): Promise<Reporter> {
  const store = await ReportStore.open(options.directory)
  for (const file of store.damaged) {
    options.logger.error(
      { file },
      'a stored report cannot be read: restore it from a copy, or move it out of the directory of reports',
    )
  }
  const reporter = new Reporter(options, store)
  await reporter.follow()
  return reporter
}

export class Reporter implements Reports, AsyncDisposable {
  readonly #options: ReporterOptions
  readonly #store: ReportStore
  readonly #scope: RecordScope
  readonly #stopping = new AbortController()
  readonly #runs = new Map<string, { run: ReportRun; readonly done: Promise<ReportRun> }>()
  readonly #schedules = new DisposableStack()
  /** Scheduled reports are made one after the other. */
  #scheduled: Promise<void> = Promise.resolve()
  readonly #queued = new Set<string>()
  /** When the ledger began: no report is due for what was before. */
  #beganMs = 0

  constructor(options: ReporterOptions, store: ReportStore) {
    this.#options = options
    this.#store = store
    this.#scope = options.recorder.scope(ownContext(options.tenant))
  }

  /** Starts the schedules, and what they missed. */
  async follow(): Promise<void> {
    const { schedules, clock } = this.#options
    if (schedules.length > 0) this.#beganMs = await this.#ledgerBegan()
    for (const report of schedules) {
      this.catchUp(report)
      this.#schedules.use(
        startSchedule(report, clock, (period) => {
          this.#enqueue(report, period, 'schedule')
          // What failed before, and what the clock has jumped over.
          this.catchUp(report)
        }),
      )
    }
  }

  /** Begins what was due and is not made. */
  catchUp(report: ScheduledReport): void {
    const { clock, logger } = this.#options
    const isMade = (period: Period): boolean =>
      this.#store.get(scheduledId(report.control, report.period, period)) !== null
    const missed = missedPeriods(report, this.#beganMs, clock.nowMs(), isMade)
    if (missed.length > mostMissed) {
      logger.warn(
        { control: report.control, period: report.period, until: utc(missed[0]?.toMs ?? 0) },
        'reports of periods until then were missed and are not made up for; affidavit report run makes them',
      )
    }
    for (const period of missed.slice(-mostMissed)) this.#enqueue(report, period, 'catch_up')
  }

  /** Whether every report that was due is there, and each stored one can be read. */
  health(): PartHealth {
    const { damaged } = this.#store
    const failed = [...this.#runs.values()]
      .filter(({ run }) => run.state === 'failed' && run.trigger !== 'ad_hoc')
      .map(({ run }) => `${run.id} failed: ${run.reason ?? 'unknown'}`)
    if (damaged.length > 0) failed.push(`stored reports cannot be read: ${damaged.join(', ')}`)
    return failed.length === 0 ? { state: 'ok' } : { state: 'degraded', reason: failed.join('; ') }
  }

  list(): Promise<readonly ReportRun[]> {
    const runs = [...this.#runs.values()].map(({ run }) => run)
    return Promise.resolve([...runs, ...this.#store.list()].sort(newestFirst))
  }

  get(id: string): Promise<ReportRun | null> {
    return Promise.resolve(this.#runs.get(id)?.run ?? this.#store.get(id))
  }

  start(request: ReportRequest): Promise<ReportRun> {
    const nowMs = this.#options.clock.nowMs()
    const toMs = wholeSecond((request.toMs ?? nowMs) + 999)
    const fromMs = wholeSecond(request.fromMs ?? toMs - dayMs)
    if (!Number.isFinite(fromMs) || !Number.isFinite(toMs) || fromMs >= toMs) {
      return refused('REPORT_PERIOD_INVALID', 'the period must end after it begins')
    }
    if (fromMs >= nowMs) {
      return refused('REPORT_PERIOD_INVALID', 'the period has not begun yet')
    }
    const running = [...this.#runs.values()].filter(({ run }) => run.state === 'running')
    if (running.length >= mostRunning) {
      return refused('REPORT_BUSY', `${mostRunning} reports are being made; try again soon`)
    }
    let atMs = nowMs
    while (this.#isTaken(adHocId(request.control, atMs))) atMs += 1
    // All of them are of the one control that there is.
    const parameters = this.#options.schedules[0]?.parameters
    return Promise.resolve(
      this.#begin(adHocId(request.control, atMs), { ...request, fromMs, toMs }, parameters ?? {}),
    )
  }

  async finished(id: string): Promise<ReportRun> {
    const known = (await this.#runs.get(id)?.done) ?? this.#store.get(id)
    if (known === null) throw new ReportError('REPORT_UNKNOWN', `there is no report ${id}`)
    return known
  }

  bundle(id: string): Promise<string | null> {
    return Promise.resolve(this.#store.get(id) === null ? null : this.#store.path(id))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#schedules.dispose()
    this.#stopping.abort(new ReportError('REPORT_STOPPED', 'the program is stopping'))
    await Promise.all([...this.#runs.values()].map(({ done }) => done))
    await this.#scheduled
  }

  #enqueue(report: ScheduledReport, period: Period, trigger: 'schedule' | 'catch_up'): void {
    const id = scheduledId(report.control, report.period, period)
    if (this.#queued.has(id)) return
    this.#queued.add(id)
    this.#scheduled = this.#scheduled.then(async () => {
      this.#queued.delete(id)
      if (this.#stopping.signal.aborted || this.#isTaken(id)) return
      this.#begin(id, { control: report.control, trigger, ...period }, report.parameters)
      await this.#runs.get(id)?.done
    })
  }

  #begin(
    id: string,
    request: ReportRequest & Period,
    parameters: Readonly<Record<string, string>>,
  ): ReportRun {
    const run: ReportRun = {
      id,
      control: request.control,
      title,
      revision: 1,
      from: utc(request.fromMs),
      to: utc(request.toMs),
      trigger: request.trigger,
      state: 'running',
      progress: { phase: 'waiting for the checkpoint', done: 0, total: 1 },
      reason: null,
      generatedAt: null,
      exceptions: null,
      population: null,
      bundleSha256: null,
      bundleBytes: null,
      keyFingerprint: fingerprintOf(this.#options.signer.vkey),
      determinations: [],
    }
    // Begins on a later turn: by then it is among the runs.
    const done = Promise.resolve()
      .then(() => this.#make(id, request, parameters))
      .catch((error: unknown) => this.#failed(id, error))
    this.#runs.set(id, { run, done })
    return run
  }

  async #make(
    id: string,
    request: ReportRequest & Period,
    parameters: Readonly<Record<string, string>>,
  ): Promise<ReportRun> {
    const { reader, clock, signer, tenant, build, logger } = this.#options
    const { signal } = this.#stopping
    const { trigger, fromMs, toMs } = request
    this.#store.requireFree(id)
    this.#store.requireAllSeen(await reader.logs())
    const checkpoints = await freezeCheckpoints({ reader, clock, trigger, toMs, signal })
    const frozen: FrozenInputs = {
      reportId: id,
      revision: 1,
      control: request.control,
      title,
      template,
      build,
      tenant,
      trigger,
      fromMs,
      toMs,
      generatedAtMs: clock.nowMs(),
      assessorNonce: request.assessorNonce ?? null,
      parameters,
      checkpoints,
      previous: this.#store.previous(request.control, checkpoints),
      signerVkey: signer.vkey,
      keyFingerprint: fingerprintOf(signer.vkey),
    }
    const bytes = await runReport({
      frozen,
      reader,
      signer,
      signal,
      onProgress: (progress) => {
        this.#update(id, { progress })
      },
    })
    const finished = await this.#store.add(id, bytes)
    this.#runs.delete(id)
    this.#record(finished)
    logger.info({ report: id, bytes: bytes.length, rows: finished.population }, 'a report is ready')
    return finished
  }

  #record(run: ReportRun): void {
    const outcome = this.#scope.record({
      type: 'report.generated',
      report: {
        report_id: run.id,
        control: run.control,
        revision: run.revision,
        bundle_sha256: Buffer.from(run.bundleSha256 ?? '', 'hex'),
        period_from: Date.parse(run.from) * 1000,
        period_to: Date.parse(run.to) * 1000,
        trigger: run.trigger,
      },
    })
    if (outcome.ok) return
    const { logger } = this.#options
    logger.error({ report: run.id, reason: outcome.reason }, 'a report could not be recorded')
  }

  #failed(id: string, error: unknown): ReportRun {
    const reason = error instanceof Error ? error.message : 'unknown'
    if (!this.#stopping.signal.aborted) {
      this.#options.logger.error({ report: id, err: error }, 'a report failed')
    }
    this.#update(id, { state: 'failed', reason })
    const failed = [...this.#runs].filter(([, { run }]) => run.state === 'failed')
    for (const [old] of failed.slice(0, -mostFailed)) this.#runs.delete(old)
    const run = this.#runs.get(id)?.run
    if (run === undefined) throw new ReportError('REPORT_UNKNOWN', `there is no report ${id}`)
    return run
  }

  #update(id: string, given: Partial<ReportRun>): void {
    const known = this.#runs.get(id)
    if (known !== undefined) known.run = { ...known.run, ...given }
  }

  #isTaken(id: string): boolean {
    return this.#store.get(id) !== null || this.#runs.get(id)?.run.state === 'running'
  }

  /** When the oldest log says it began; now, when there is none. */
  async #ledgerBegan(): Promise<number> {
    const { reader, clock } = this.#options
    let beganMs = clock.nowMs()
    for (const { origin } of await reader.logs()) {
      const { leaf } = await reader.entry(origin, 0)
      beganMs = Math.min(beganMs, Date.parse(leaf.rt))
    }
    return beganMs
  }
}

/** Periods are whole seconds, as reports write them. */
function wholeSecond(ms: number): number {
  return Math.floor(ms / 1000) * 1000
}

function refused(code: 'REPORT_PERIOD_INVALID' | 'REPORT_BUSY', why: string): Promise<never> {
  return Promise.reject(new ReportError(code, why))
}
