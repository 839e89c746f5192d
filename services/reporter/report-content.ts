import { au2Document } from '../../reports/au-2/document.ts'
import { objectives, rules, toolDefaults } from '../../reports/au-2/objectives.ts'
import type { Au2Appendix, Au2Result } from '../../reports/au-2/report.ts'
import type { ReportDocument } from '../../reports/report-document.ts'
import { utc } from '../../reports/report-document.ts'
import { eventTypes } from '../../schemas/event-types.ts'
import { canonical, sha256 } from './bundle/write-bundle.ts'
import { publicKeyPem } from './bundle/keys.ts'
import { verifyInstructions } from './bundle/verify-instructions.ts'
import type { ConsistencyFile } from './consistency.ts'
import type { Population } from './population.ts'
import { populationFile } from './population.ts'
import { csv } from './render/csv.ts'
import { markdown } from './render/markdown.ts'
import { leavesFile, sampleFile } from './sampled-entries.ts'
import type { SampledEntries } from './sampled-entries.ts'

export interface ContentParts {
  readonly result: Au2Result
  readonly population: Population
  readonly sampled: SampledEntries
  readonly consistency: { readonly file: ConsistencyFile; readonly lines: readonly string[] }
  readonly sample: Au2Appendix['sample']
}

/** The files of the bundle except the PDF, and the document that the PDF is made of. */
export function reportContent(parts: ContentParts): {
  readonly files: Map<string, Buffer>
  readonly document: ReportDocument
} {
  const { result, population, sampled, consistency } = parts
  const { frozen } = result
  const files = new Map<string, Buffer>([
    [populationFile, population.csv],
    [sampleFile, sampled.csv],
    ['exceptions.csv', exceptionsCsv(result)],
    ['odp.json', json({ parameters: frozen.parameters, tool_defaults: toolDefaults })],
    ['registry.json', json(registry(result))],
    ['queries/population.sql', Buffer.from(query(result))],
    ['ledger/consistency.json', json(consistency.file)],
    [leavesFile, sampled.leaves],
    ['keys/reporter.pub', Buffer.from(publicKeyPem(frozen.signerVkey))],
    ['keys/reporter.vkey', Buffer.from(`${frozen.signerVkey}\n`)],
  ])
  frozen.checkpoints.forEach(({ note, vkey }, index) => {
    files.set(checkpointFile(index), Buffer.from(note))
    files.set(`keys/log-${index + 1}.pub`, Buffer.from(publicKeyPem(vkey)))
    files.set(`keys/log-${index + 1}.vkey`, Buffer.from(`${vkey}\n`))
  })
  const document = au2Document(result, {
    population: population.totals,
    sample: parts.sample,
    consistency: consistency.lines,
    files: [...files]
      .map(([path, bytes]) => ({ path, bytes: bytes.length, sha256: sha256(bytes) }))
      .sort((one, other) => (one.path < other.path ? -1 : 1)),
  })
  for (const { path, text } of sampled.proofs) files.set(path, Buffer.from(text))
  files.set('report.md', Buffer.from(markdown(document)))
  files.set('VERIFY.md', Buffer.from(verifyInstructions(frozen)))
  return { files, document }
}

export function checkpointFile(index: number): string {
  return `ledger/checkpoint-${index + 1}.txt`
}

function exceptionsCsv(result: Au2Result): Buffer {
  const header = [
    'exception_id',
    'rule',
    'rule_version',
    'severity',
    'objectives',
    'subject',
    'finding',
    'count',
    'ledger_indices',
    'detected_at',
    'owner',
    'due',
    'disposition',
  ]
  const rows = [...result.rules.values()].flatMap(({ exceptions }) =>
    exceptions.map((each) => [
      each.id,
      each.rule,
      result.frozen.template,
      each.severity,
      objectives
        .filter(({ rules }) => rules.includes(each.rule))
        .map(({ id }) => id)
        .join(' '),
      each.subject,
      each.sentence,
      String(each.count),
      each.indices.join(' '),
      utc(result.frozen.generatedAtMs),
      '',
      '',
      'open',
    ]),
  )
  return csv([header, ...rows])
}

function registry({ facts, frozen }: Au2Result): unknown {
  return {
    template: frozen.template,
    objectives,
    rules,
    event_types: [...eventTypes],
    specified: facts.specified,
    producers: [...facts.producers.values()].map(({ producer, version, canLog }) => ({
      producer,
      version,
      can_log: canLog,
    })),
  }
}

/** The selection in SQL for a reader; what ran is the reading of every entry, which this describes exactly. */
function query({ frozen }: Au2Result): string {
  const heads = frozen.checkpoints.map(({ origin, size }) => `--   ${origin} < ${size}`).join('\n')
  return `-- The population: sealed entries were read directly, log by log and in order, not through a search index.
-- Entries that count are below the frozen checkpoints:
${heads}
-- Repeats of an event by its producer and bytes that are no event are not in it; the report counts them.
SELECT log, ledger_index, event_id, producer, producer_seq, session_id, event_type, schema_version, occurred_at, received_at,
       actor_id, actor_kind, on_behalf_of, agent_runtime, target_id, operation, outcome, decision_id, source_addr, synthetic,
       leaf_hash, request_id, protocol, risk_tier
  FROM ledger_event
 WHERE tenant_id = '${frozen.tenant.replaceAll("'", "''")}'
   AND occurred_at >= '${utc(frozen.fromMs)}'
   AND occurred_at < '${utc(frozen.toMs)}'
 ORDER BY log, ledger_index
`
}

function json(value: unknown): Buffer {
  return Buffer.from(`${canonical(value)}\n`)
}
