/** Control reports, made and being made. Published. */
export interface Reports {
  /** Newest first, those that are running among them. */
  list(): Promise<readonly ReportRun[]>
  get(id: string): Promise<ReportRun | null>
  /** Begins a report and returns at once; the run goes on in the background. Throws `REPORT_PERIOD_INVALID`, `REPORT_BUSY`. */
  start(request: ReportRequest): Promise<ReportRun>
  /** Resolves when the run with this id is done or failed. */
  finished(id: string): Promise<ReportRun>
  /** The path of a finished report's bundle, or null. */
  bundle(id: string): Promise<string | null>
}

export interface ReportRequest {
  readonly control: 'au-2'
  /** Milliseconds since 1970, [from, to). Without them: the 24 hours before now. */
  readonly fromMs?: number
  readonly toMs?: number
  readonly trigger: ReportTrigger
  /** Chosen by the assessor after the checkpoint was published: makes the sample assessor-selected. */
  readonly assessorNonce?: string
}

export type ReportTrigger = 'schedule' | 'catch_up' | 'ad_hoc'

export interface ReportRun {
  readonly id: string
  readonly control: string
  readonly title: string
  readonly revision: number
  /** RFC 3339, UTC. */
  readonly from: string
  readonly to: string
  readonly trigger: ReportTrigger
  readonly state: 'running' | 'done' | 'failed'
  readonly progress: { readonly phase: string; readonly done: number; readonly total: number }
  /** Why it failed. */
  readonly reason: string | null
  readonly generatedAt: string | null
  readonly exceptions: number | null
  /** Rows of the population. */
  readonly population: number | null
  readonly bundleSha256: string | null
  readonly bundleBytes: number | null
  /** SHA-256 of the signing key in hex, for `affidavit verify --key`. */
  readonly keyFingerprint: string | null
  readonly determinations: readonly Determination[]
}

export interface Determination {
  readonly objective: string
  readonly determination: string
  readonly summary: string
}
