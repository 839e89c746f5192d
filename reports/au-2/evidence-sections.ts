import type { Block, Section } from '../report-document.ts'
import { count } from '../report-document.ts'
import { upperBound } from '../sample.ts'
import type { Au2Appendix, Au2Result } from './report.ts'

/** How much the answers are worth: clocks, changes, the population, the sample. */
export function evidenceSections(result: Au2Result, appendix: Au2Appendix): readonly Section[] {
  return [
    { title: 'Clocks (AU-8)', blocks: clocks(result) },
    { title: 'Changes of what is logged', blocks: changes(result) },
    { title: 'Completeness and accuracy', blocks: completeness(result, appendix) },
    { title: 'Sample', blocks: sampled(appendix) },
  ]
}

function clocks({ facts }: Au2Result): readonly Block[] {
  const delays = [...facts.delays].sort((one, other) => one - other)
  const at = (share: number): string =>
    delays.length === 0
      ? '–'
      : `${((delays[Math.min(delays.length - 1, Math.floor(delays.length * share))] ?? 0) / 1000).toFixed(1)} ms`
  return [
    {
      kind: 'table',
      caption: 'Times of events',
      columns: [
        { title: 'Measure', share: 62 },
        { title: 'Value', share: 38, align: 'right' },
      ],
      rows: [
        ['Events looked at', count(delays.length)],
        ['Received after occurred, least', at(0)],
        ['Received after occurred, median', at(0.5)],
        ['Received after occurred, 95th percentile', at(0.95)],
        ['Received after occurred, most', at(1)],
        ['Received before they occurred, beyond the tolerance', count(facts.ahead.length)],
        ['Clock offsets that producers reported', count(facts.reportedOffsets.length)],
        ['Times not in UTC', count(facts.withoutUtc)],
        ['Granularity of times', '1 µs'],
      ],
      remark:
        'The delay includes transport, so it bounds the difference between two clocks from one side and does not measure it.',
    },
  ]
}

function changes({ facts }: Au2Result): readonly Block[] {
  const inPeriod = facts.changes.filter(({ isInPeriod }) => isInPeriod)
  const before = facts.changes.length - inPeriod.length
  if (inPeriod.length === 0) {
    return [
      {
        kind: 'text',
        text: `No change was recorded in the period; ${count(before)} came before it and stayed in force.`,
      },
    ]
  }
  return [
    {
      kind: 'table',
      caption: 'Configurations and policies that came into force',
      columns: [
        { title: 'When (UTC)', share: 21 },
        { title: 'What', share: 17 },
        { title: 'Types specified', share: 13, align: 'right' },
        { title: 'By', share: 21 },
        { title: 'Recorded by', share: 14 },
        { title: 'Approved by', share: 14 },
      ],
      rows: inPeriod.map((each) => [
        each.when.slice(0, 19).replace('T', ' '),
        each.what,
        count(each.eventTypes.length),
        each.by === '' ? 'file of the deployment' : each.by,
        each.producer,
        'not recorded',
      ]),
    },
  ]
}

function completeness(
  { reconciliation: all, frozen, facts }: Au2Result,
  { population }: Au2Appendix,
): readonly Block[] {
  return [
    {
      kind: 'table',
      caption: 'Entries below the checkpoints',
      columns: [
        { title: 'Entries', share: 70 },
        { title: 'Number', share: 30, align: 'right' },
      ],
      rows: [
        ['First entries of logs', count(all.genesis)],
        ['Records that the bus lost', count(all.losses)],
        ['Bytes that are no event, set aside', count(all.quarantined)],
        ['Repeats of an event by its producer', count(all.duplicates)],
        ['Events of other periods', count(all.outsidePeriod)],
        ['Events of this period: the population', count(all.projected)],
      ],
      total: ['All entries', count(all.entries)],
    },
    {
      kind: 'table',
      caption: 'The population, counted in three ways',
      columns: [
        { title: 'How', share: 70 },
        { title: 'Number', share: 30, align: 'right' },
      ],
      rows: [
        ["Rows of population/events.csv, by the events' own times", count(all.projected)],
        ['Envelopes in the ledger, without looking into an event', count(all.scanned)],
        ["The producers' numbers: spans less what is known to lie elsewhere", count(all.numbered)],
      ],
    },
    {
      kind: 'facts',
      facts: [
        { name: 'SHA-256 of the file', value: population.digest },
        { name: 'SHA-256 over its leaf hashes', value: population.leaf_hashes_sha256 },
        { name: 'Synthetic events within', value: count(facts.synthetic) },
        { name: 'Payloads erased', value: count(facts.erased) },
        {
          name: 'Arrived for earlier periods',
          value:
            frozen.previous === null
              ? 'not counted: there is no earlier report'
              : count(facts.lateArrivals),
        },
      ],
    },
    {
      kind: 'table',
      caption: 'Rows by producer',
      columns: [
        { title: 'Producer', share: 70 },
        { title: 'Rows', share: 30, align: 'right' },
      ],
      rows: population.per_producer.map(({ producer, rows }) => [producer, count(rows)]),
      total: ['All', count(population.rows)],
    },
  ]
}

function sampled({ sample }: Au2Appendix): readonly Block[] {
  const percent = (rate: number): string => `${(rate * 100).toFixed(1)} %`
  return [
    {
      kind: 'text',
      text: `The sample is ${sample.selected_by}-selected${sample.selected_by === 'tool' ? ': no assessor gave a nonce after the checkpoint was published' : ': the assessor gave a nonce after the checkpoint was published'}. Who draws each ticket is decided by the frozen inputs alone; anyone can draw it again from population/events.csv. Strata are protocol and risk tier (refused, high, medium, low), at least five of each where there are as many; the sample grows for that.`,
    },
    {
      kind: 'text',
      text: 'The outcome ok says that the target ran a statement and answered it. Whether what it did was committed afterwards, later entries of its session say: those of the COMMIT or ROLLBACK that ended its transaction.',
    },
    {
      kind: 'table',
      caption: 'Allocation',
      columns: [
        { title: 'Stratum', share: 50 },
        { title: 'Population', share: 25, align: 'right' },
        { title: 'Sample', share: 25, align: 'right' },
      ],
      rows: sample.strata.map((each) => [each.stratum, count(each.population), count(each.sample)]),
      total: [
        'All',
        count(sample.strata.reduce((sum, { population }) => sum + population, 0)),
        count(sample.size),
      ],
    },
    {
      kind: 'table',
      caption: 'What the sample can show, when all of it was examined',
      columns: [
        { title: 'Deviations found', share: 34, align: 'right' },
        { title: 'Rate in the sample', share: 33, align: 'right' },
        { title: 'Rate below, with 95 % confidence', share: 33, align: 'right' },
      ],
      rows: [0, 1, 2, 3]
        .filter((found) => found <= sample.size && sample.size > 0)
        .map((found) => [
          String(found),
          percent(found / sample.size),
          percent(upperBound(found, sample.size)),
        ]),
      remark:
        'One-sided Clopper-Pearson bound. The rows, their proofs and blank columns for the examination are in samples/events.csv.',
    },
    { kind: 'facts', facts: [{ name: 'Seed', value: sample.seed }] },
  ]
}
