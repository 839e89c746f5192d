import type { FrozenInputs } from '../../reports/frozen.ts'
import { asOfMs } from '../../reports/frozen.ts'
import { conclude, determinationsOf, newFacts } from '../../reports/au-2/report.ts'
import { utc } from '../../reports/report-document.ts'
import { drawSample, sampleSeed } from '../../reports/sample.ts'
import type { BundleManifest } from '../../schemas/bundle.ts'
import type { Signer } from '../ledger/proof/note.ts'
import type { LedgerReader } from '../ledger/reader.ts'
import { writeBundle } from './bundle/write-bundle.ts'
import { proveConsistency } from './consistency.ts'
import { readPopulation } from './population.ts'
import { renderPdf } from './render/pdf/render-pdf.ts'
import { checkpointFile, reportContent } from './report-content.ts'
import { provenSample, sampleFile } from './sampled-entries.ts'

export interface ReportRunRequest {
  readonly frozen: FrozenInputs
  readonly reader: LedgerReader
  readonly signer: Signer
  readonly signal: AbortSignal
  readonly onProgress: (progress: Progress) => void
}

export interface Progress {
  readonly phase: string
  readonly done: number
  readonly total: number
}

/** Makes the bundle: a pure function of the frozen inputs and the entries below their checkpoints. */
export async function runReport(request: ReportRunRequest): Promise<Buffer> {
  const { frozen, reader, signer, signal, onProgress } = request
  const facts = newFacts(frozen)
  const population = await readPopulation({
    reader,
    frozen,
    facts,
    signal,
    onProgress: (done, total) => {
      onProgress({ phase: 'reading the ledger', done, total })
    },
  })
  onProgress({ phase: 'applying rules', done: 0, total: 1 })
  const result = conclude(frozen, facts, population.counted)
  const seed = sampleSeed({
    tenant: frozen.tenant,
    reportId: frozen.reportId,
    checkpoints: frozen.checkpoints,
    populationDigest: population.totals.digest,
    assessorNonce: frozen.assessorNonce,
  })
  const drawn = drawSample(seed, population.candidates)
  const sampled = await provenSample(reader, frozen, population, drawn, (done, total) => {
    signal.throwIfAborted()
    onProgress({ phase: 'proving the sample', done, total })
  })
  const sample: BundleManifest['sample'] = {
    file: sampleFile,
    seed: seed.toString('hex'),
    selected_by: frozen.assessorNonce === null ? 'tool' : 'assessor',
    size: drawn.chosen.length,
    strata: drawn.strata,
  }
  const consistency = await proveConsistency(reader, frozen)
  onProgress({ phase: 'writing the document', done: 0, total: 1 })
  const { files, document } = reportContent({ result, population, sampled, consistency, sample })
  files.set('report.pdf', await renderPdf(document, asOfMs(frozen), signal))
  onProgress({ phase: 'packing and signing', done: 0, total: 1 })
  const exceptions = [...result.rules.values()].reduce(
    (sum, each) => sum + each.exceptions.length,
    0,
  )
  const manifest: Omit<BundleManifest, 'files'> = {
    type: 'affidavit/report-manifest/v1',
    report_id: frozen.reportId,
    revision: frozen.revision,
    control: frozen.control,
    title: frozen.title,
    template: frozen.template,
    build: frozen.build,
    tenant: frozen.tenant,
    trigger: frozen.trigger,
    period: { from: utc(frozen.fromMs), to: utc(frozen.toMs) },
    as_of: utc(asOfMs(frozen)),
    generated_at: utc(frozen.generatedAtMs),
    assessor_nonce: frozen.assessorNonce,
    signer: frozen.signerVkey,
    checkpoints: frozen.checkpoints.map(({ origin, size, root, signedAtMs, vkey }, index) => ({
      origin,
      size,
      root: root.toString('hex'),
      signed_at: utc(signedAtMs),
      file: checkpointFile(index),
      vkey,
    })),
    previous_report: frozen.previous?.reportId ?? null,
    population: population.totals,
    sample,
    exceptions,
    determinations: determinationsOf(result),
  }
  return writeBundle(manifest, files, signer)
}
