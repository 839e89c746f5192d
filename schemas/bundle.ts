/**
 * `manifest.json` of a report bundle, RFC 8785 (JCS) JSON. Its exact bytes are signed with Ed25519 in `manifest.sig`, so a verifier
 * needs nothing but the reporter's public key. It lists every other file of the bundle.
 */
export interface BundleManifest {
  readonly type: 'affidavit/report-manifest/v1'
  readonly report_id: string
  readonly revision: number
  readonly control: string
  readonly title: string
  /** Name and version of the report's rules and layout. */
  readonly template: string
  readonly build: string
  readonly tenant: string
  readonly trigger: 'schedule' | 'catch_up' | 'ad_hoc'
  /** [from, to), RFC 3339 UTC. */
  readonly period: { readonly from: string; readonly to: string }
  /** The time of the newest checkpoint: nothing that came later is in the report. */
  readonly as_of: string
  readonly generated_at: string
  readonly assessor_nonce: string | null
  /** The vkey of the key that signs this manifest. */
  readonly signer: string
  readonly checkpoints: readonly BundleCheckpoint[]
  /** The report whose checkpoints `ledger/consistency.json` starts from. */
  readonly previous_report: string | null
  readonly population: PopulationTotals
  readonly sample: SampleTotals
  readonly exceptions: number
  readonly determinations: readonly ManifestDetermination[]
  /** Every file but the manifest and its signature, sorted by path. */
  readonly files: readonly BundleFile[]
}

export interface BundleCheckpoint {
  readonly origin: string
  readonly size: number
  /** Hex. */
  readonly root: string
  readonly signed_at: string
  readonly file: string
  readonly vkey: string
}

export interface PopulationTotals {
  readonly file: string
  readonly rows: number
  /** SHA-256 of the file. */
  readonly digest: string
  /** SHA-256 over the rows' leaf hashes one after the other. */
  readonly leaf_hashes_sha256: string
  readonly per_log: readonly {
    readonly log: string
    readonly rows: number
    readonly min_index: number
    readonly max_index: number
  }[]
  readonly per_producer: readonly { readonly producer: string; readonly rows: number }[]
}

export interface SampleTotals {
  readonly file: string
  /** Hex; follows from the frozen inputs. */
  readonly seed: string
  readonly selected_by: 'tool' | 'assessor'
  readonly size: number
  readonly strata: readonly {
    readonly stratum: string
    readonly population: number
    readonly sample: number
  }[]
}

export interface ManifestDetermination {
  readonly objective: string
  readonly determination: string
  readonly summary: string
}

export interface BundleFile {
  readonly path: string
  readonly bytes: number
  readonly sha256: string
  /** As it stands in the ZIP. With these no byte of the bundle is left open, not even the padding bits of a compressed stream. */
  readonly packed_bytes: number
  readonly packed_sha256: string
}
