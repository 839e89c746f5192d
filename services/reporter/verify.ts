import { verify as verifySignature } from 'node:crypto'

import type { BundleManifest } from '../../schemas/bundle.ts'
import { parseVkey } from '../ledger/proof/note.ts'
import { ProofError } from '../ledger/proof/error.ts'
import { fingerprintOf } from './bundle/keys.ts'
import { canonical, manifestFile, sha256, signatureFile } from './bundle/write-bundle.ts'
import { readZip, unpackEntry } from './bundle/zip.ts'
import type { ZipEntry } from './bundle/zip.ts'
import { ReportError } from './error.ts'
import { problem } from './verify/bundle-check.ts'
import type { BundleCheck, BundleProblem } from './verify/bundle-check.ts'
import { checkLedgerFiles } from './verify/ledger-files.ts'
import { checkLogs } from './verify/log-check.ts'
import type { LogSource } from './verify/log-check.ts'
import { checkPopulation } from './verify/population-file.ts'
import { checkSample } from './verify/sample-file.ts'

export type BundleVerification =
  | { readonly ok: true; readonly facts: Record<string, string | number> }
  | { readonly ok: false; readonly problems: readonly BundleProblem[] }

export interface VerifyBundleOptions {
  /** SHA-256 of the key that must have signed, in hex, or its whole vkey. Without it the key that the bundle brings is taken. */
  readonly keyFingerprint?: string
  /** A copy of the logs: with it every row is compared with its entry, and nothing of the period may be missing. */
  readonly logs?: LogSource
  /** Signed checkpoints that somebody kept: the logs must go on from them. Takes `logs`. */
  readonly earlier?: readonly string[]
}

/** What a bundle may unpack to: more would be a trap, not a report. */
const mostUnpacked = 1_500_000_000

/**
 * Checks a bundle with nothing but itself and what is given. By itself it shows that nothing was changed, and proves the sampled rows;
 * that the population leaves nothing out shows only a copy of the logs. Never throws for what a file holds.
 */
export function verifyBundle(
  bytes: Buffer,
  options: VerifyBundleOptions = {},
): Promise<BundleVerification> {
  return check(bytes, options)
}

async function check(bytes: Buffer, options: VerifyBundleOptions): Promise<BundleVerification> {
  const problems: BundleProblem[] = []
  try {
    const { entries, isExact } = readZip(bytes, mostUnpacked)
    const files = unpackAll(entries, problems)
    const manifest = checkManifest(files, options, problems)
    if (manifest === null) return { ok: false, problems }
    checkFiles(manifest, entries, files, problems)
    if (problems.length === 0 && !isExact) {
      problems.push(
        problem(
          'the ZIP file',
          'the bytes that the reporter writes',
          'others',
          'The files are those that were signed, but the ZIP file around them was changed: a header, or bytes that belong to no file.',
        ),
      )
    }
    // Whatever follows would only say the same again in other words.
    if (problems.length > 0) return { ok: false, problems }
    const context: BundleCheck = { manifest, files, problems }
    const rows = checkPopulation(context)
    const leaves = checkLedgerFiles(context)
    checkSample(context, rows, leaves)
    const { logs, earlier = [] } = options
    const compared = logs === undefined ? null : await checkLogs(context, rows, logs, earlier)
    return problems.length > 0
      ? { ok: false, problems }
      : { ok: true, facts: factsOf(manifest, options, compared) }
  } catch (error) {
    return { ok: false, problems: [...problems, unreadable(error)] }
  }
}

function unpackAll(
  entries: readonly ZipEntry[],
  problems: BundleProblem[],
): ReadonlyMap<string, Buffer> {
  const files = new Map<string, Buffer>()
  for (const entry of entries) {
    try {
      files.set(entry.path, unpackEntry(entry))
    } catch (error) {
      if (!(error instanceof ReportError)) throw error
      problems.push(
        problem(
          entry.path,
          'bytes that unpack',
          error.message,
          `${entry.path} was changed: ${error.message}.`,
        ),
      )
    }
  }
  return files
}

/** The manifest once its signature holds; null when nothing in it can be believed. */
function checkManifest(
  files: ReadonlyMap<string, Buffer>,
  options: VerifyBundleOptions,
  problems: BundleProblem[],
): BundleManifest | null {
  const bytes = files.get(manifestFile)
  const signature = files.get(signatureFile)
  if (bytes === undefined || signature === undefined) {
    const file = bytes === undefined ? manifestFile : signatureFile
    problems.push(problem(file, 'present', 'missing', `${file} is missing: this is no bundle.`))
    return null
  }
  const manifest = parsed(bytes)
  if (manifest === null) {
    problems.push(
      problem(
        manifestFile,
        'a manifest in canonical form',
        'something else',
        'manifest.json was changed: it is not a manifest in its canonical form.',
      ),
    )
    return null
  }
  const found = fingerprintOf(manifest.signer)
  const expected = options.keyFingerprint?.trim()
  const isNamed =
    expected === undefined ||
    expected === manifest.signer ||
    expected.toLowerCase().replaceAll(/^sha256:|[:\s]/g, '') === found
  if (!isNamed) {
    problems.push(
      problem(
        manifestFile,
        expected,
        found,
        `The bundle was not signed by the key that you named: expected ${expected}, found ${found}.`,
      ),
    )
    return null
  }
  if (!verifySignature(null, bytes, parseVkey(manifest.signer).key, signature)) {
    problems.push(
      problem(
        signatureFile,
        `a signature by ${manifest.signer}`,
        'another one',
        'The signature does not fit the manifest: manifest.json or manifest.sig was changed.',
      ),
    )
    return null
  }
  return manifest
}

function parsed(bytes: Buffer): BundleManifest | null {
  try {
    const manifest = JSON.parse(bytes.toString()) as BundleManifest
    const isKnown = (manifest as { type?: unknown }).type === 'affidavit/report-manifest/v1'
    return isKnown && Buffer.from(canonical(manifest)).equals(bytes) ? manifest : null
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return null
    throw error
  }
}

function checkFiles(
  manifest: BundleManifest,
  entries: readonly ZipEntry[],
  files: ReadonlyMap<string, Buffer>,
  problems: BundleProblem[],
): void {
  const packed = new Map(entries.map((entry) => [entry.path, entry]))
  const repacked: string[] = []
  const listed = new Set([manifestFile, signatureFile, ...manifest.files.map(({ path }) => path)])
  for (const path of packed.keys()) {
    if (listed.has(path)) continue
    problems.push(
      problem(path, 'no such file', 'present', `${path} was added: the manifest does not list it.`),
    )
  }
  for (const listing of manifest.files) {
    const entry = packed.get(listing.path)
    const content = files.get(listing.path)
    if (entry === undefined) {
      problems.push(
        problem(listing.path, listing.sha256, 'missing', `${listing.path} was removed.`),
      )
      continue
    }
    // What could not be unpacked was said already.
    if (content === undefined) continue
    const found = sha256(content)
    if (found !== listing.sha256 || content.length !== listing.bytes) {
      problems.push(
        problem(
          listing.path,
          `${listing.bytes} bytes, SHA-256 ${listing.sha256}`,
          `${content.length} bytes, SHA-256 ${found}`,
          `${listing.path} was changed: expected ${listing.bytes} bytes with SHA-256 ${listing.sha256}, found ${content.length} bytes with ${found}.`,
        ),
      )
    } else if (sha256(entry.packed) !== listing.packed_sha256) {
      repacked.push(listing.path)
    }
  }
  const [first] = repacked
  if (first === undefined) return
  const which = repacked.length === 1 ? first : `${first} and ${repacked.length - 1} more`
  problems.push(
    problem(
      'the ZIP file',
      'the compressed bytes that the manifest lists',
      'others',
      `The ZIP file was packed anew: the compressed bytes of ${which} are not those that were signed, though they unpack to the same.`,
    ),
  )
}

function unreadable(error: unknown): BundleProblem {
  const isOurs = error instanceof ReportError || error instanceof ProofError
  const why = isOurs ? error.message : 'it is not of the form that this program writes'
  return problem('the bundle', 'a bundle of this form', why, `This is not a whole bundle: ${why}.`)
}

function factsOf(
  manifest: BundleManifest,
  options: VerifyBundleOptions,
  compared: number | null,
): Record<string, string | number> {
  const { period, population, sample } = manifest
  return {
    report: `${manifest.report_id}, revision ${manifest.revision}`,
    title: manifest.title,
    system: manifest.tenant,
    period: `${period.from} to ${period.to}`,
    'as of': manifest.as_of,
    trigger: manifest.trigger,
    'signed by': manifest.signer,
    'key fingerprint': fingerprintOf(manifest.signer),
    'key checked':
      options.keyFingerprint === undefined ? 'no: taken from the bundle itself' : 'yes',
    files: manifest.files.length + 2,
    logs: manifest.checkpoints.map(({ origin, size }) => `${origin} (${size} entries)`).join(', '),
    'unchanged since': manifest.previous_report ?? 'no earlier report',
    population: population.rows,
    'left out':
      compared === null
        ? 'not checked: that takes a copy of the log'
        : `nothing: each of ${compared} entries was compared`,
    sample: `${sample.size}, ${sample.selected_by}-selected, drawn again and proven`,
    exceptions: manifest.exceptions,
  }
}
