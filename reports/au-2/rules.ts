import { typesOfRole } from '../../schemas/event-types.ts'
import { reasonWords } from '../../schemas/leaf.ts'
import type { ReportException, RuleResult } from '../determination.ts'
import { contentParts } from './completeness.ts'
import { exception, instant, result } from './findings.ts'
import type { Au2Facts } from './ledger-facts.ts'
import { overrideReviews } from './override-review.ts'
import type { SequenceAccount } from './producer-facts.ts'

export interface Au2Evidence {
  readonly facts: Au2Facts
  readonly accounts: readonly SequenceAccount[]
}

/** Every rule of the report against the evidence, in the order of the register. */
export function evaluateRules(evidence: Au2Evidence): ReadonlyMap<string, RuleResult> {
  const results = [
    sequenceGaps(evidence),
    sessionEnds(evidence),
    silences(evidence),
    unreadable(evidence),
    canaries(evidence),
    disabledTypes(evidence),
    selectionChanges(evidence),
    ...contentParts.map((part, index) => content(evidence, part, `AU3-0${index + 1}`)),
    skew(evidence),
    zones(evidence),
    capability(evidence),
    overrideReviews(evidence.facts),
  ]
  return new Map(results.map((result) => [result.rule, result]))
}

function sequenceGaps({ facts, accounts }: Au2Evidence): RuleResult {
  const unexplained = accounts.flatMap(({ producer, unexplained }) =>
    unexplained.map(([from, to]) =>
      exception(
        'AU2-01',
        producer,
        `${producer} numbered events ${from} to ${to}, and they are not in the ledger; nothing says why.`,
        [],
        `${from}`,
        to - from + 1,
      ),
    ),
  )
  const repeated = accounts.flatMap(({ producer, repeated }) =>
    repeated === 0
      ? []
      : [exception('AU2-01', producer, `${producer} used ${repeated} numbers twice.`, [], 'twice')],
  )
  const known = facts.gaps
    .filter(({ isInPeriod }) => isInPeriod)
    .map(({ producer, fromSeq, toSeq, reason, at }) =>
      exception(
        'AU2-01',
        producer,
        `Events ${fromSeq} to ${toSeq} of ${producer}: ${reasonWords(reason)}.`,
        [at],
      ),
    )
  const unsigned = [...facts.producers.values()].flatMap(({ producer, unsigned }) => {
    const found = unsigned.asOf(facts.asOfUs)
    if (found === null) return []
    const { fromSeq, toSeq, count, at } = found
    return exception(
      'AU2-01',
      producer,
      `Events ${fromSeq} to ${toSeq} of ${producer} are under no signature of it, which it makes each second: it ended before it could, or somebody else sent them.`,
      [at],
      '',
      count,
    )
  })
  const losses = facts.losses.map(({ topic, part, from, to, reason, at }) =>
    exception(
      'AU2-01',
      at,
      `${offsetsOf(from, to - 1)} of ${topic}, partition ${part}, came to no entry: ${reasonWords(reason)}.`,
      [at],
      '',
      to - from,
    ),
  )
  const spanned = accounts.reduce((sum, account) => sum + Math.max(0, account.spanned), 0)
  return result('AU2-01', spanned, 'producer numbers', [
    ...unexplained,
    ...repeated,
    ...known,
    ...unsigned,
    ...losses,
  ])
}

function sessionEnds({ facts }: Au2Evidence): RuleResult {
  const { longestSessionUs } = facts.limits
  const late = [...facts.unendedInTime]
    .filter(
      ([, { startUs, endUs }]) =>
        Math.min(endUs ?? facts.endUs, facts.endUs) - startUs > longestSessionUs,
    )
    .map(([id, { at }]) =>
      exception('AU2-02', id, `Session ${id} began and has no end within the longest session.`, [
        at,
      ]),
    )
  const { erasedSessions } = facts
  const withheld =
    erasedSessions > 0
      ? `${erasedSessions} sessions of the period were erased, so whether they ended in time cannot be known`
      : null
  return result('AU2-02', facts.sessions, 'sessions', late, withheld)
}

function silences({ facts }: Au2Evidence): RuleResult {
  const found = [...facts.producers.values()].flatMap(({ producer, silences }) =>
    silences.map(({ fromUs, toUs, at }) =>
      exception(
        'AU2-03',
        producer,
        `${producer} was silent for ${Math.round((toUs - fromUs) / 1_000_000)} s from ${instant(fromUs)} without having said that it stops.`,
        at === '' ? [] : [at],
        `${fromUs}`,
      ),
    ),
  )
  const running = [...facts.producers.values()].filter(({ heartbeats }) => heartbeats > 0).length
  return result(
    'AU2-03',
    facts.producers.size,
    'producers',
    found,
    running === 0 ? 'no producer sent a heartbeat in the period' : null,
  )
}

function unreadable({ facts }: Au2Evidence): RuleResult {
  const found = [...facts.setAsides.values()].map(
    ({ topic, part, reason, count, offsets, where }) => {
      const more = count > offsets.length ? ` and ${count - offsets.length} more` : ''
      const records = count === 1 ? 'A record is' : `${count} records are`
      return exception(
        'AU2-04',
        `${topic}/${part} ${reason}`,
        `${records} no event and sealed as such: ${reasonWords(reason)} (${topic}, partition ${part}, offset ${offsets.join(', ')}${more}).`,
        where,
        '',
        count,
      )
    },
  )
  const setAside = found.reduce((sum, { count }) => sum + count, 0)
  return result('AU2-04', facts.delays.length + setAside, 'entries', found)
}

function offsetsOf(first: number, last: number): string {
  return first === last ? `Offset ${first}` : `Offsets ${first} to ${last}`
}

function canaries({ facts }: Au2Evidence): RuleResult {
  const reason =
    facts.canaries.length === 0
      ? 'no canary ran in the period'
      : 'there is no schedule of canaries to compare with yet'
  return result('AU2-05', facts.canaries.length, 'canaries', [], reason)
}

function disabledTypes({ facts }: Au2Evidence): RuleResult {
  const { specified } = facts
  const roleless: string[] = []
  const found = [...facts.producers.values()].flatMap(({ producer, canLog, canLogAt, role }) => {
    if (canLog === null || specified === null) return []
    const types = typesOfItsRole(role)
    if (types === null) roleless.push(producer)
    const missing = (types ?? []).filter(
      (type) => specified.includes(type) && !canLog.includes(type),
    )
    if (missing.length === 0) return []
    return [
      exception(
        'AU2-06',
        producer,
        `${producer} cannot log types that are specified: ${missing.join(', ')}.`,
        [canLogAt],
      ),
    ]
  })
  return result(
    'AU2-06',
    facts.producers.size,
    'producers',
    found,
    specified === null
      ? 'no event up to the end of the period specifies the types'
      : withoutRole(roleless),
  )
}

function selectionChanges({ facts }: Au2Evidence): RuleResult {
  const inPeriod = facts.changes.filter(({ isInPeriod }) => isInPeriod)
  const anonymous = inPeriod.filter(({ by }) => by === '')
  return result(
    'AU2-07',
    inPeriod.length,
    'changes',
    [],
    inPeriod.length === 0
      ? 'no change and no review of the selection was recorded in the period'
      : anonymous.length > 0
        ? `${anonymous.length} of ${inPeriod.length} changes were made in files of the deployment and name no person`
        : 'who may change the selection is not recorded yet',
  )
}

function content(
  { facts }: Au2Evidence,
  part: (typeof contentParts)[number],
  rule: string,
): RuleResult {
  let checked = 0
  const found: ReportException[] = []
  for (const [type, { content }] of [...facts.types].sort(byName)) {
    const counted = content.get(part)
    if (counted === undefined) continue
    checked += counted.required
    if (counted.missing === 0) continue
    found.push(
      exception(
        rule,
        type,
        `${counted.missing} of ${counted.required} events ${type} do not say ${saying[part]}.`,
        counted.where,
        '',
        counted.missing,
      ),
    )
  }
  const { erased } = facts
  const reason = checked === 0 ? 'no event of the period needs it' : null
  const withheld = erased > 0 ? `${erased} events were erased and cannot be looked into` : null
  return result(rule, checked, 'events', found, reason ?? withheld)
}

const saying = {
  what: 'what type they are',
  when: 'when they occurred',
  where: 'where they occurred',
  source: 'where they came from',
  outcome: 'how they ended',
  identity: 'who acted',
} as const

function skew({ facts }: Au2Evidence): RuleResult {
  const { ahead, offsetsOver, reportedOffsets } = facts
  const found = [
    ...(ahead.length === 0
      ? []
      : [
          exception(
            'AU8-01',
            'received before occurred',
            `${ahead.length} events were received before they occurred, by more than the tolerance.`,
            ahead,
            '',
            ahead.length,
          ),
        ]),
    ...(offsetsOver.length === 0
      ? []
      : [
          exception(
            'AU8-01',
            'reported offset',
            `${offsetsOver.length} producers' reports tell of a clock that is off by more than the tolerance.`,
            offsetsOver,
            '',
            offsetsOver.length,
          ),
        ]),
  ]
  const reason = 'no producer reported the offset of its clock in the period'
  return result(
    'AU8-01',
    facts.delays.length,
    'events',
    found,
    reportedOffsets.length === 0 ? reason : null,
  )
}

function zones({ facts }: Au2Evidence): RuleResult {
  const { withoutUtc } = facts
  const sentence = `${withoutUtc} events have a time that is not in UTC.`
  const found = withoutUtc === 0 ? [] : [exception('AU8-02', 'times', sentence, [], '', withoutUtc)]
  return result('AU8-02', facts.delays.length, 'events', found)
}

/** What this release lets a producer of this role report; null for a role that this release does not know. */
function typesOfItsRole(role: string | null): readonly string[] | null {
  return new Map<string, readonly string[]>(Object.entries(typesOfRole)).get(role ?? '') ?? null
}

function capability({ facts }: Au2Evidence): RuleResult {
  const silent: string[] = []
  const roleless: string[] = []
  const found: ReportException[] = []
  for (const { producer, canLog, canLogAt, role, inside } of facts.producers.values()) {
    if (canLog === null) {
      if (inside.length > 0) silent.push(producer)
      continue
    }
    const types = typesOfItsRole(role)
    if (types === null) roleless.push(producer)
    const missing = (types ?? []).filter((type) => !canLog.includes(type))
    if (missing.length === 0) continue
    const sentence = `${producer} does not say that it can log: ${missing.join(', ')}.`
    found.push(exception('AU12-01', producer, sentence, [canLogAt]))
  }
  const reason = `no edge.started up to the end of the period says what ${silent.join(', ')} can log`
  return result(
    'AU12-01',
    facts.producers.size,
    'producers',
    found,
    silent.length > 0 || facts.producers.size === 0 ? reason : withoutRole(roleless),
  )
}

function withoutRole(producers: readonly string[]): string | null {
  if (producers.length === 0) return null
  return `${producers.join(', ')} did not say at the last start what role they have, or one that this release does not know`
}

function byName(one: readonly [string, unknown], other: readonly [string, unknown]): number {
  return one[0] < other[0] ? -1 : 1
}
