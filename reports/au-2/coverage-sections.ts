import { eventTypes } from '../../schemas/event-types.ts'
import type { Block, Section } from '../report-document.ts'
import { count } from '../report-document.ts'
import { contentParts } from './completeness.ts'
import type { Au2Result } from './report.ts'

/** What can be logged, what is, by whom and when. */
export function coverageSections(result: Au2Result): readonly Section[] {
  return [
    { title: 'Event types', blocks: register(result), isLandscape: true },
    { title: 'Producers and protocols', blocks: coverage(result), isLandscape: true },
    { title: 'Activity', blocks: activity(result) },
    { title: 'Content of records (AU-3)', blocks: contents(result) },
  ]
}

function register({ facts }: Au2Result): readonly Block[] {
  const { specified } = facts
  const producers = [...facts.producers.values()]
  const isSaid = producers.some(({ canLog }) => canLog !== null)
  const rows = [...eventTypes]
    .sort((one, other) => (one < other ? -1 : 1))
    .map((type) => {
      const seen = facts.types.get(type)
      const can = producers.filter(({ canLog }) => canLog?.includes(type) === true).length
      return [
        type,
        can > 0 ? 'yes' : isSaid ? 'no' : 'not said',
        specified === null ? 'not said' : specified.includes(type) ? 'yes' : 'no',
        count(seen?.count ?? 0),
        seen === undefined ? '' : second(seen.first),
        seen === undefined ? '' : second(seen.last),
        seen === undefined ? '' : [...seen.producers].sort().join(', '),
      ]
    })
  const occurred = eventTypes.filter((type) => facts.types.has(type)).length
  return [
    {
      kind: 'text',
      text: `${occurred} of the ${eventTypes.length} types of the schema occurred. A type that is specified and did not occur is information, not an exception: nothing happened that calls for it, and no canary exercised it.`,
    },
    {
      kind: 'table',
      caption: 'Register of event types',
      columns: [
        { title: 'Type', share: 21, isCode: true },
        { title: 'Can log', share: 9 },
        { title: 'Specified', share: 10 },
        { title: 'Count', share: 8, align: 'right' },
        { title: 'First (UTC)', share: 20 },
        { title: 'Last (UTC)', share: 20 },
        { title: 'From', share: 17 },
      ],
      rows,
      total: [
        'Total',
        '',
        '',
        count([...facts.types.values()].reduce((sum, each) => sum + each.count, 0)),
        '',
        '',
        '',
      ],
    },
  ]
}

function coverage({ facts, accounts }: Au2Result): readonly Block[] {
  const producers = [...facts.producers.values()]
    .filter(({ inside }) => inside.length > 0)
    .sort((one, other) => (one.producer < other.producer ? -1 : 1))
  return [
    {
      kind: 'table',
      caption: 'Producers of events',
      columns: [
        { title: 'Producer', share: 12 },
        { title: 'Protocols: events', share: 20 },
        { title: 'Version', share: 8 },
        { title: 'Events', share: 9, align: 'right' },
        { title: 'Heartbeats', share: 9, align: 'right' },
        { title: 'Sessions opened / closed', share: 12, align: 'right' },
        { title: 'Longest silence', share: 11, align: 'right' },
        { title: 'Silent beyond heartbeat', share: 11, align: 'right' },
        { title: 'Canaries', share: 8 },
      ],
      rows: producers.map((each) => [
        each.producer,
        [...each.protocols]
          .sort(([one], [other]) => (one < other ? -1 : 1))
          .map(([protocol, number]) => `${protocol}: ${count(number)}`)
          .join(', '),
        each.version === '' ? 'not said' : each.version,
        count(each.inside.length),
        count(each.heartbeats),
        `${count(each.sessionsOpened)} / ${count(each.sessionsClosed)}`,
        `${(each.longestSilenceUs / 1_000_000).toFixed(1)} s`,
        count(each.silences.length),
        'none',
      ]),
      remark:
        'Protocol "none" is what a service does by itself. A producer that said it stops is not silent. Silence at the end of the period counts up to the newest checkpoint.',
    },
    {
      kind: 'table',
      caption: "Completeness by the producers' own numbers",
      columns: [
        { title: 'Producer', share: 16 },
        { title: 'First number', share: 12, align: 'right' },
        { title: 'Last number', share: 12, align: 'right' },
        { title: 'Span', share: 11, align: 'right' },
        { title: 'Of other periods', share: 12, align: 'right' },
        { title: 'Known lost', share: 11, align: 'right' },
        { title: 'Unexplained', share: 13, align: 'right' },
        { title: 'Rows', share: 13, align: 'right' },
      ],
      rows: accounts.map((each) => [
        each.producer,
        count(each.startSeq),
        count(each.endSeq),
        count(each.spanned),
        count(each.outside),
        count(each.knownMissing),
        count(each.unexplained.reduce((sum, [from, to]) => sum + to - from + 1, 0)),
        count(each.rows),
      ]),
      remark: 'Span = last - first + 1. Rows = span - of other periods - known lost.',
    },
  ]
}

function activity({ facts }: Au2Result): readonly Block[] {
  const days = [...facts.perDay.keys()].sort()
  if (days.length === 0) return [{ kind: 'text', text: 'No event occurred in the period.' }]
  const protocols = [
    ...new Set([...facts.perDay.values()].flatMap((day) => [...day.keys()])),
  ].sort()
  const producers = [...facts.producers.values()]
    .filter(({ inside }) => inside.length > 0)
    .sort((one, other) => (one.producer < other.producer ? -1 : 1))
  return [
    {
      kind: 'bars',
      caption: 'Events per day by protocol',
      unit: 'events',
      categories: days,
      series: protocols.map((name) => ({
        name,
        values: days.map((day) => facts.perDay.get(day)?.get(name) ?? 0),
      })),
    },
    {
      kind: 'heat',
      caption: 'Events by producer and day',
      unit: 'events',
      rows: producers.map(({ producer }) => producer),
      columns: days,
      values: producers.map((each) => days.map((day) => each.days.get(day) ?? 0)),
    },
  ]
}

function contents({ facts }: Au2Result): readonly Block[] {
  const types = [...facts.types].sort(([one], [other]) => (one < other ? -1 : 1))
  return [
    {
      kind: 'table',
      caption: 'What records say, by type: present of required',
      columns: [
        { title: 'Type', share: 22, isCode: true },
        ...['a What', 'b When', 'c Where', 'd Source', 'e Outcome', 'f Identity'].map((title) => ({
          title,
          share: 13,
          align: 'right' as const,
        })),
      ],
      rows: types.map(([type, { content }]) => [
        type,
        ...contentParts.map((part) => {
          const counted = content.get(part)
          if (counted === undefined) return '–'
          const { required, missing } = counted
          const share =
            missing === 0 ? '' : ` (${((missing / required) * 100).toFixed(1)} % missing)`
          return `${count(required - missing)} of ${count(required)}${share}`
        }),
      ]),
      remark: 'a to f: the parts of AU-3. –: events of this type have no such part of their own.',
    },
  ]
}

function second(time: string): string {
  return time === '' ? '' : `${time.slice(0, 10)} ${time.slice(11, 19)}`
}
