import type { Block, Section } from '../report-document.ts'
import { count, utc } from '../report-document.ts'
import { objectives, toolDefaults } from './objectives.ts'
import type { Au2Appendix, Au2Result } from './report.ts'

/** What lets a reader check everything without us. */
export function appendixSections(result: Au2Result, appendix: Au2Appendix): readonly Section[] {
  return [
    { title: 'Chain of custody', blocks: custody(result, appendix) },
    { title: 'Sign-off', blocks: signOff() },
    { title: 'Organization-defined parameters', blocks: parameters(result) },
    { title: 'Words', blocks: words() },
  ]
}

const choiceText = {
  'first-after-period': 'the first one signed ten minutes or more after the end of the period',
  newest: 'the newest one when the report began (ad hoc)',
  'newest-none-after-period': 'the newest one; none was signed after the end of the period',
} as const

/** The ledger's time never goes back, so a clock that was ahead is believed until others have caught up. */
function signedText(signedAtMs: number, generatedAtMs: number): string {
  const aheadS = Math.round((signedAtMs - generatedAtMs) / 1000)
  if (aheadS <= 1) return utc(signedAtMs)
  return `${utc(signedAtMs)}, by a clock that was ahead: ${count(aheadS)} s after this report was made`
}

function custody({ frozen }: Au2Result, { files, consistency }: Au2Appendix): readonly Block[] {
  return [
    ...frozen.checkpoints.flatMap((each, index): readonly Block[] => [
      { kind: 'heading', text: `Log ${index + 1}` },
      {
        kind: 'facts',
        facts: [
          { name: 'Origin', value: each.origin },
          { name: 'Entries', value: count(each.size) },
          { name: 'Root', value: each.root.toString('hex') },
          { name: 'Signed', value: signedText(each.signedAtMs, frozen.generatedAtMs) },
          { name: 'Chosen', value: choiceText[each.choice] },
          { name: 'Since the previous report', value: consistency[index] ?? '' },
        ],
      },
      {
        kind: 'lines',
        caption: 'Signed note',
        lines: each.note.trimEnd().split('\n'),
      },
    ]),
    { kind: 'heading', text: 'The signature of this bundle' },
    {
      kind: 'facts',
      facts: [
        { name: 'Key', value: frozen.signerVkey },
        { name: 'Fingerprint', value: frozen.keyFingerprint },
        { name: 'Algorithm', value: 'Ed25519, over the bytes of manifest.json' },
        { name: 'To check', value: `affidavit verify ${frozen.reportId}.zip --key FINGERPRINT` },
        { name: 'Without our program', value: 'VERIFY.md: openssl and sha256sum' },
      ],
    },
    {
      kind: 'text',
      text: 'Get the fingerprint from the owner of the deployment by another way than this file. No witness has cosigned the checkpoints.',
    },
    {
      kind: 'table',
      caption: 'Files of the bundle',
      columns: [
        { title: 'File', share: 33 },
        { title: 'Bytes', share: 12, align: 'right' },
        { title: 'SHA-256', share: 55, isCode: true },
      ],
      rows: files.map(({ path, bytes, sha256 }) => [path, count(bytes), sha256]),
      remark: `The proofs of sampled entries, this report and the manifest are not listed here; manifest.json lists every file.`,
    },
    {
      kind: 'table',
      caption: 'Custody',
      columns: [
        { title: 'When (UTC)', share: 26 },
        { title: 'What', share: 26 },
        { title: 'By', share: 48 },
      ],
      rows: [
        [utc(frozen.generatedAtMs), 'generated and signed', frozen.signerVkey.split('+')[0] ?? ''],
      ],
      remark: 'Later events (downloads, views) are in the ledger as report.downloaded.',
    },
  ]
}

function signOff(): readonly Block[] {
  return [
    {
      kind: 'table',
      caption: 'Sign-off',
      columns: [
        { title: 'Role', share: 28 },
        { title: 'Name', share: 26 },
        { title: 'Signature', share: 26 },
        { title: 'Date', share: 20 },
      ],
      rows: [
        ['Reviewed (control owner)', '', '', ''],
        ['Approved (management)', '', '', ''],
        ['Received (assessor)', '', '', ''],
      ],
      remark: 'A reviewer is neither who prepared the report nor the subject of an exception.',
    },
  ]
}

function parameters({ frozen }: Au2Result): readonly Block[] {
  const needed = new Set(objectives.flatMap(({ parameters }) => parameters))
  const given = Object.keys(frozen.parameters)
  const names = [...new Set([...needed, ...Object.keys(toolDefaults), ...given])].sort()
  return [
    {
      kind: 'table',
      caption: 'Parameters in force',
      columns: [
        { title: 'Parameter', share: 25, isCode: true },
        { title: 'Value', share: 45 },
        { title: 'From', share: 30 },
      ],
      rows: names.map((name) => {
        const value = frozen.parameters[name] ?? ''
        if (value !== '') return [name, value, 'configuration']
        const fallback = toolDefaults[name]
        return fallback === undefined
          ? [name, 'not set', 'the organization has to set it']
          : [name, fallback, "the tool's default"]
      }),
    },
  ]
}

function words(): readonly Block[] {
  return [
    {
      kind: 'facts',
      facts: [
        { name: 'Event', value: 'What an edge or a service reported: one row of the population.' },
        { name: 'Producer', value: 'The edge or service that numbered the event.' },
        {
          name: 'Edge',
          value: 'What stands between an agent and a target and records all that passes.',
        },
        { name: 'Entry', value: 'An event as it is sealed in a log, at a position.' },
        { name: 'Ledger index', value: 'Log and position.' },
        {
          name: 'Checkpoint',
          value: 'The signed head of a log: how many entries, and the root over them.',
        },
        { name: 'Exception', value: 'What a rule of this report says against the evidence.' },
        {
          name: 'Canary',
          value: 'A planned action whose record is expected, to show that recording works.',
        },
      ],
    },
  ]
}
