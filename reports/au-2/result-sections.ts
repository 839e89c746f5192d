import type { DeterminationState, ReportException } from '../determination.ts'
import type { Block, Section } from '../report-document.ts'
import { count, counted } from '../report-document.ts'
import { rules as ruleTexts } from './objectives.ts'
import type { Au2Result } from './report.ts'

/** What was found: scope, determinations, exceptions, rules. */
export function resultSections(result: Au2Result): readonly Section[] {
  return [
    { title: 'Scope and how to read', blocks: scope(result) },
    { title: 'Result by objective', blocks: byObjective(result) },
    { title: 'Exceptions', blocks: exceptions(result) },
    { title: 'Rules', blocks: rules(result) },
  ]
}

const stateText: Readonly<Record<DeterminationState, string>> = {
  'no-exceptions': '● No exceptions noted',
  'partial-no-exceptions': '◐ No exceptions in the evidenced part',
  exceptions: '▲ Exceptions noted',
  'insufficient-data': '○ Insufficient data',
  'not-assessed': '– Not assessed',
}

function scope({ frozen, reconciliation, incomplete }: Au2Result): readonly Block[] {
  return [
    {
      kind: 'text',
      text: `This report examines every event that ${frozen.tenant} recorded in the period and sealed in its ledger below the checkpoints named in "Chain of custody": ${count(reconciliation.projected)} events. Rules were applied to all of them (comprehensive coverage, basic depth); a sample is laid out for a person to examine in depth. The method is EXAMINE.`,
    },
    {
      kind: 'text',
      text: 'A determination speaks about one objective of NIST SP 800-53A revision 5, named by its OSCAL id, and about what events can show of it. There is no verdict about a control as a whole and no score. "Insufficient data" and "not assessed" are neither good nor bad: they say what is missing.',
    },
    {
      kind: 'text',
      text: 'What the ledger shows: the events were not altered, reordered or removed since they were sealed. What it does not show: that every action passed through an edge, or that a named person, rather than a holder of that person’s credentials, acted.',
    },
    {
      kind: 'note',
      text:
        incomplete ??
        `The population was counted in three independent ways with one result: ${count(reconciliation.projected)} rows.`,
    },
  ]
}

function byObjective({ objectives }: Au2Result): readonly Block[] {
  return [
    {
      kind: 'table',
      caption: 'Determinations',
      columns: [
        { title: 'Objective', share: 15, isCode: true },
        { title: 'It asks', share: 23 },
        { title: 'Tool determination', share: 23 },
        { title: 'Why', share: 30 },
        { title: 'Assessor S / O, initials', share: 10 },
      ],
      rows: objectives.map(({ objective, state, text }) => [
        objective.id,
        objective.asks,
        stateText[state],
        text,
        '',
      ]),
      remark:
        'S: satisfied. O: other than satisfied. Both belong to the assessor. The signs before the words mean the same as the words.',
    },
  ]
}

const shownExceptions = 60

function exceptions({ rules }: Au2Result): readonly Block[] {
  const all = [...rules.values()].flatMap(({ exceptions }) => exceptions)
  if (all.length === 0) return [{ kind: 'text', text: 'No rule noted an exception.' }]
  return [
    {
      kind: 'table',
      caption: 'Exceptions',
      columns: [
        { title: 'Rule', share: 10, isCode: true },
        { title: 'Severity', share: 9 },
        { title: 'What was found', share: 42 },
        { title: 'Events', share: 8, align: 'right' },
        { title: 'First at', share: 18, isCode: true },
        { title: 'Owner, due, response', share: 15 },
      ],
      rows: all
        .slice(0, shownExceptions)
        .map((each) => [
          each.rule,
          each.severity,
          each.sentence,
          count(each.count),
          shortIndex(each),
          '',
        ]),
      remark:
        all.length > shownExceptions
          ? `${shownExceptions} of ${count(all.length)}; all of them are in exceptions.csv.`
          : 'All are open. Their lasting ids are in exceptions.csv.',
    },
  ]
}

function shortIndex({ indices }: ReportException): string {
  const [first] = indices
  return first === undefined ? '' : (first.split('/').at(-1) ?? first)
}

function rules({ rules }: Au2Result): readonly Block[] {
  return [
    {
      kind: 'table',
      caption: 'Rules and what they looked at',
      columns: [
        { title: 'Rule', share: 10, isCode: true },
        { title: 'It asks', share: 32 },
        { title: 'Looked at', share: 20, align: 'right' },
        { title: 'Exceptions', share: 12, align: 'right' },
        { title: 'Not evaluated because', share: 28 },
      ],
      rows: ruleTexts.map(({ id, asks }) => {
        const result = rules.get(id)
        return [
          id,
          asks,
          result === undefined ? '' : counted(result.checked, result.unit),
          count(result?.exceptions.length ?? 0),
          result?.notEvaluated ?? '',
        ]
      }),
    },
  ]
}
