import type { ReportDocument } from '../report-document.ts'
import { utc } from '../report-document.ts'
import { asOfMs } from '../frozen.ts'
import { appendixSections } from './appendix-sections.ts'
import { coverageSections } from './coverage-sections.ts'
import { evidenceSections } from './evidence-sections.ts'
import { overrideSection } from './override-section.ts'
import type { Au2Appendix, Au2Result } from './report.ts'
import { resultSections } from './result-sections.ts'

/** The whole report, for a reader who knows nothing of us. */
export function au2Document(result: Au2Result, appendix: Au2Appendix): ReportDocument {
  const { frozen } = result
  const period = `${utc(frozen.fromMs)} to ${utc(frozen.toMs)}`
  const root = frozen.checkpoints[0]?.root.toString('hex').slice(0, 16) ?? ''
  return {
    title: frozen.title,
    subtitle:
      'with AU-3 Content of Audit Records, AU-8 Time Stamps, AU-12 Audit Record Generation, AC-3(10) Audited Override',
    author: 'Affidavit',
    header: `${frozen.tenant} · AU-2 · ${period} · confidential`,
    footer: `${frozen.reportId} · revision ${frozen.revision} · checkpoint ${root}`,
    marking: 'CONFIDENTIAL',
    statement:
      "Prepared by management's tool from recorded events; not an auditor's opinion. Determinations are the tool's; the assessor's columns are left blank.",
    cover: [
      { name: 'System', value: frozen.tenant },
      { name: 'Period', value: `${period} (the end is not included), UTC` },
      { name: 'Report', value: frozen.reportId },
      { name: 'Revision', value: `${frozen.revision}, ISSUED` },
      { name: 'How it began', value: triggerText(frozen.trigger) },
      { name: 'As of', value: `${utc(asOfMs(frozen))}, the newest checkpoint` },
      { name: 'Written', value: `${utc(frozen.generatedAtMs)} by Affidavit ${frozen.build}` },
      { name: 'Signed by', value: frozen.signerVkey.split('+')[0] ?? '' },
      { name: 'Key fingerprint', value: grouped(frozen.keyFingerprint) },
    ],
    sections: [
      ...resultSections(result),
      ...coverageSections(result),
      overrideSection(result),
      ...evidenceSections(result, appendix),
      ...appendixSections(result, appendix),
    ],
  }
}

function triggerText(trigger: Au2Result['frozen']['trigger']): string {
  switch (trigger) {
    case 'schedule':
      return 'By its schedule'
    case 'catch_up':
      return 'Made up for: its scheduled run was missed while the program was down'
    case 'ad_hoc':
      return 'Ad hoc: a person chose the period and the time'
  }
}

/** Long hashes in groups of eight, as people compare them. */
function grouped(hex: string): string {
  return hex.replace(/(.{8})(?=.)/g, '$1 ')
}
