/** What a report is made of. The same inputs give the same bytes; nothing else goes in. */
export interface FrozenInputs {
  readonly reportId: string
  readonly revision: number
  readonly control: 'au-2'
  readonly title: string
  /** Rules and layout by name and version. */
  readonly template: string
  readonly build: string
  readonly tenant: string
  readonly trigger: 'schedule' | 'catch_up' | 'ad_hoc'
  /** Milliseconds, [from, to). */
  readonly fromMs: number
  readonly toMs: number
  readonly generatedAtMs: number
  readonly assessorNonce: string | null
  readonly parameters: Readonly<Record<string, string>>
  readonly checkpoints: readonly FrozenCheckpoint[]
  readonly previous: PreviousReport | null
  readonly signerVkey: string
  /** SHA-256 of the signer's public key (DER), hex. */
  readonly keyFingerprint: string
}

export interface FrozenCheckpoint {
  readonly origin: string
  readonly size: number
  readonly root: Buffer
  readonly signedAtMs: number
  /** The signed note. */
  readonly note: string
  readonly vkey: string
  /** How it was chosen, for the reader. */
  readonly choice: 'first-after-period' | 'newest' | 'newest-none-after-period'
}

export interface PreviousReport {
  readonly reportId: string
  readonly checkpoints: readonly {
    readonly origin: string
    readonly size: number
    readonly root: Buffer
  }[]
}

/** Time of the newest checkpoint: what the report knows ends there. */
export function asOfMs(frozen: Pick<FrozenInputs, 'checkpoints'>): number {
  return frozen.checkpoints.reduce((newest, { signedAtMs }) => Math.max(newest, signedAtMs), 0)
}
