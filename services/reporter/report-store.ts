import { link, mkdir, open, readFile, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

import type { PreviousReport } from '../../reports/frozen.ts'
import type { BundleManifest } from '../../schemas/bundle.ts'
import { ProofError } from '../ledger/proof/error.ts'
import type { LogHead } from '../ledger/reader.ts'
import { fingerprintOf } from './bundle/keys.ts'
import { manifestFile, sha256 } from './bundle/write-bundle.ts'
import { readZip, unpackEntry } from './bundle/zip.ts'
import { ReportError } from './error.ts'
import type { ReportRun } from './report.ts'

const extension = '.zip'
const mostUnpacked = 1_500_000_000

interface StoredReport {
  readonly manifest: BundleManifest
  readonly run: ReportRun
}

/** Finished bundles, one file each. What is known of a report is read from its manifest; there is no second record of it. */
export class ReportStore {
  readonly #directory: string
  readonly #reports = new Map<string, StoredReport>()
  /** Names of files that are there and are no report that can be read. */
  readonly #damaged = new Set<string>()

  private constructor(directory: string) {
    this.#directory = directory
  }

  /** Reads what is there. Files that are no bundle are named in `damaged` and otherwise left alone. */
  static async open(directory: string): Promise<ReportStore> {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const store = new ReportStore(directory)
    for (const name of await readdir(directory)) {
      if (name.endsWith('.partial')) await rm(join(directory, name), { force: true })
      if (!name.endsWith(extension)) continue
      try {
        store.#remember(await readFile(join(directory, name)))
      } catch (error) {
        if (!isOfContent(error)) throw error
        store.#damaged.add(name)
      }
    }
    return store
  }

  get damaged(): readonly string[] {
    return [...this.#damaged]
  }

  /** Throws `REPORT_FILE_DAMAGED` when a file of this name is there that is no report: it may be what is left of one. */
  requireFree(id: string): void {
    if (this.#damaged.has(`${id}${extension}`)) throw this.#taken(id)
  }

  /** Newest first. */
  list(): readonly ReportRun[] {
    return [...this.#reports.values()].map(({ run }) => run).sort(newestFirst)
  }

  get(id: string): ReportRun | null {
    return this.#reports.get(id)?.run ?? null
  }

  path(id: string): string {
    return join(this.#directory, `${id}${extension}`)
  }

  /** Appears whole or not at all, and never replaces another one. */
  async add(id: string, bytes: Buffer): Promise<ReportRun> {
    const partial = `${this.path(id)}.partial`
    const handle = await open(partial, 'w', 0o600)
    try {
      await handle.writeFile(bytes)
      await handle.sync()
    } finally {
      await handle.close()
    }
    try {
      // Not renamed: that would replace what has the name.
      await link(partial, this.path(id))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw this.#taken(id)
      throw error
    } finally {
      await rm(partial)
    }
    const directory = await open(this.#directory, 'r')
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
    return this.#remember(bytes)
  }

  /** The newest report whose checkpoints these ones can extend. */
  previous(
    control: string,
    heads: readonly { readonly origin: string; readonly size: number }[],
  ): PreviousReport | null {
    const sizes = new Map(heads.map(({ origin, size }) => [origin, size]))
    const older = [...this.#reports.values()]
      .filter(({ manifest }) => manifest.control === control)
      .filter(({ manifest }) =>
        manifest.checkpoints.every(({ origin, size }) => size <= (sizes.get(origin) ?? -1)),
      )
      .sort((one, other) => newestFirst(one.run, other.run))
    const [newest] = older
    if (newest === undefined) return null
    return {
      reportId: newest.manifest.report_id,
      checkpoints: newest.manifest.checkpoints.map(({ origin, size, root }) => ({
        origin,
        size,
        root: Buffer.from(root, 'hex'),
      })),
    }
  }

  /**
   * Throws `REPORT_LEDGER_CHANGED` when a stored report has seen more of a log than there is, or another one of that name: then entries
   * are gone, as after an older copy was restored, and these reports may be all that tells of them.
   */
  requireAllSeen(heads: readonly Pick<LogHead, 'origin' | 'size' | 'vkey'>[]): void {
    const logs = new Map(heads.map((head) => [head.origin, head]))
    for (const { manifest } of this.#reports.values()) {
      for (const { origin, size, vkey } of manifest.checkpoints) {
        const head = logs.get(origin)
        if (head?.vkey === vkey && head.size >= size) continue
        const now =
          head === undefined
            ? 'and is not there'
            : head.vkey === vkey
              ? `and has ${head.size}`
              : 'and has another key'
        throw new ReportError(
          'REPORT_LEDGER_CHANGED',
          `${origin} had ${size} entries in report ${manifest.report_id} ${now} now: entries are gone. Restore the ledger; or keep that report as evidence of it, and move it out of ${this.#directory} to go on`,
        )
      }
    }
  }

  #taken(id: string): ReportError {
    return new ReportError(
      'REPORT_FILE_DAMAGED',
      `${this.path(id)} is there already, and is no report that can be read; it may be evidence: restore it from a copy, or move it away to have the report made anew`,
    )
  }

  #remember(bytes: Buffer): ReportRun {
    const entry = readZip(bytes, mostUnpacked).entries.find(({ path }) => path === manifestFile)
    if (entry === undefined) throw new ReportError('BUNDLE_MALFORMED', 'it has no manifest')
    const manifest = readManifest(unpackEntry(entry))
    const run = runOf(manifest, bytes)
    this.#reports.set(run.id, { manifest, run })
    return run
  }
}

/** Only as far as it is used here; whether it was changed says `verifyBundle`. */
function readManifest(bytes: Buffer): BundleManifest {
  const manifest = JSON.parse(bytes.toString()) as BundleManifest
  if ((manifest as { type?: unknown }).type === 'affidavit/report-manifest/v1') return manifest
  throw new ReportError('BUNDLE_MALFORMED', 'its manifest is another one')
}

/** Faults of what a file holds, not of the disk. */
function isOfContent(error: unknown): boolean {
  return (
    error instanceof ReportError ||
    error instanceof ProofError ||
    error instanceof SyntaxError ||
    error instanceof TypeError
  )
}

function runOf(manifest: BundleManifest, bytes: Buffer): ReportRun {
  return {
    id: manifest.report_id,
    control: manifest.control,
    title: manifest.title,
    revision: manifest.revision,
    from: manifest.period.from,
    to: manifest.period.to,
    trigger: manifest.trigger,
    state: 'done',
    progress: { phase: 'done', done: 1, total: 1 },
    reason: null,
    generatedAt: manifest.generated_at,
    exceptions: manifest.exceptions,
    population: manifest.population.rows,
    bundleSha256: sha256(bytes),
    bundleBytes: bytes.length,
    keyFingerprint: fingerprintOf(manifest.signer),
    determinations: manifest.determinations,
  }
}

export function newestFirst(one: ReportRun, other: ReportRun): number {
  const a = `${one.generatedAt ?? '~'} ${one.id}`
  const b = `${other.generatedAt ?? '~'} ${other.id}`
  return a < b ? 1 : a > b ? -1 : 0
}
