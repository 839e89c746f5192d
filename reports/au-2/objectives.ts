import type { Objective } from '../determination.ts'

/** Objectives of NIST SP 800-53A rev 5 that this report speaks about, by their OSCAL ids; what they ask is in our own words. */
export const objectives: readonly Objective[] = [
  {
    id: 'au-2_obj.a',
    asks: 'It is known which types of events the system can log.',
    shownBy: 'events',
    rules: ['AU12-01'],
    parameters: ['au-02_odp.01'],
    needs: '',
  },
  {
    id: 'au-2_obj.b',
    asks: 'Logging is coordinated with others who need what is logged.',
    shownBy: 'documents',
    rules: [],
    parameters: [],
    needs: 'records of that coordination, or an interview',
  },
  {
    id: 'au-2_obj.c-1',
    asks: 'It is specified which of these types are logged.',
    shownBy: 'events',
    rules: ['AU2-06'],
    parameters: ['au-02_odp.02'],
    needs: '',
  },
  {
    id: 'au-2_obj.c-2',
    asks: 'The specified types are in fact logged, as often as specified.',
    shownBy: 'events',
    rules: ['AU2-01', 'AU2-02', 'AU2-03', 'AU2-04', 'AU2-05', 'AU2-06'],
    parameters: ['au-02_odp.02', 'au-02_odp.03'],
    needs: '',
  },
  {
    id: 'au-2_obj.d',
    asks: 'There is a reason why these types suffice to investigate incidents.',
    shownBy: 'documents',
    rules: [],
    parameters: [],
    needs: 'the written rationale',
  },
  {
    id: 'au-2_obj.e',
    asks: 'The selection of types is reviewed and updated as often as specified.',
    shownBy: 'events-in-part',
    rules: ['AU2-07'],
    parameters: ['au-02_odp.04'],
    needs: 'a judgement whether the review was adequate',
  },
  ...(
    [
      ['a', 'what type of event occurred'],
      ['b', 'when it occurred'],
      ['c', 'where it occurred'],
      ['d', 'where it came from'],
      ['e', 'how it ended'],
      ['f', 'who and what took part in it'],
    ] as const
  ).map(([part, what], index): Objective => ({
    id: `au-3_obj.${part}`,
    asks: `Records say ${what}.`,
    shownBy: 'events',
    rules: [`AU3-0${index + 1}`],
    parameters: [],
    needs: '',
  })),
  {
    id: 'au-8_obj.a',
    asks: 'Times come from the clocks of the systems that record.',
    shownBy: 'events-in-part',
    rules: ['AU8-01'],
    parameters: [],
    needs: 'how those clocks are set, from documents',
  },
  {
    id: 'au-8_obj.b',
    asks: 'Times are as exact as specified, and in UTC or with their offset.',
    shownBy: 'events',
    rules: ['AU8-02'],
    parameters: ['au-08_odp'],
    needs: '',
  },
  {
    id: 'au-12_obj.a',
    asks: 'The specified components can produce records of the specified types.',
    shownBy: 'events',
    rules: ['AU12-01'],
    parameters: ['au-02_odp.01', 'au-12_odp.01'],
    needs: '',
  },
  {
    id: 'au-12_obj.b',
    asks: 'The specified roles choose which types each component logs.',
    shownBy: 'events',
    rules: ['AU2-07'],
    parameters: ['au-12_odp.02'],
    needs: '',
  },
  {
    id: 'au-12_obj.c',
    asks: 'Records of the specified types with the content of AU-3 are produced.',
    shownBy: 'events',
    rules: ['AU2-01', 'AU2-04', 'AU3-01', 'AU3-02', 'AU3-03', 'AU3-04', 'AU3-05', 'AU3-06'],
    parameters: ['au-02_odp.02'],
    needs: '',
  },
  {
    id: 'ac-3.10_obj',
    asks: 'Access control is overridden under the specified conditions, by the specified roles, and that is audited.',
    shownBy: 'events-in-part',
    rules: ['AC5-09'],
    parameters: ['ac-03.10_odp.01', 'ac-03.10_odp.02'],
    needs: 'a judgement whether the conditions were met',
  },
]

export interface RuleText {
  readonly id: string
  readonly severity: 'high' | 'medium' | 'low'
  readonly asks: string
}

export const rules: readonly RuleText[] = [
  {
    id: 'AU2-01',
    severity: 'high',
    asks: 'Every number of every producer is in the ledger, under its signature.',
  },
  {
    id: 'AU2-02',
    severity: 'medium',
    asks: 'Every session has an end within the longest session.',
  },
  { id: 'AU2-03', severity: 'high', asks: 'No producer that runs is silent beyond its heartbeat.' },
  {
    id: 'AU2-04',
    severity: 'high',
    asks: 'Everything that came is an event that can be read, under its own key.',
  },
  { id: 'AU2-05', severity: 'high', asks: 'Every canary event came, and in time.' },
  {
    id: 'AU2-06',
    severity: 'high',
    asks: 'Every producer can log the specified types that are its to log.',
  },
  {
    id: 'AU2-07',
    severity: 'medium',
    asks: 'Authorized persons made each change of the selection.',
  },
  { id: 'AU3-01', severity: 'medium', asks: 'Records say what type of event it is.' },
  { id: 'AU3-02', severity: 'medium', asks: 'Records say when.' },
  { id: 'AU3-03', severity: 'medium', asks: 'Records say where.' },
  { id: 'AU3-04', severity: 'medium', asks: 'Records say the source.' },
  { id: 'AU3-05', severity: 'medium', asks: 'Records say the outcome.' },
  { id: 'AU3-06', severity: 'medium', asks: 'Records say who.' },
  { id: 'AU8-01', severity: 'medium', asks: 'Clocks differ less than the tolerance.' },
  { id: 'AU8-02', severity: 'medium', asks: 'Every time is in UTC.' },
  { id: 'AU12-01', severity: 'high', asks: 'Every producer can log all types of its release.' },
  {
    id: 'AC5-09',
    severity: 'high',
    asks: 'Every break-glass was reviewed by another person, in time.',
  },
]

/** Limits of rules that no organization-defined parameter of NIST names. */
export const toolDefaults: Readonly<Record<string, string>> = {
  heartbeat: '60 seconds',
  'longest-session': '24 hours',
  'clock-tolerance': '1 second',
}

const unitSeconds: Readonly<Record<string, number>> = {
  second: 1,
  minute: 60,
  hour: 3600,
  day: 86_400,
}

/** Seconds of a text such as `30 seconds`; null for one that is not of this form. */
export function durationSeconds(text: string): number | null {
  const [, amount, unit] = /^(\d+(?:\.\d+)?|one) *(second|minute|hour|day)s?$/.exec(text) ?? []
  if (amount === undefined || unit === undefined) return null
  return (amount === 'one' ? 1 : Number(amount)) * (unitSeconds[unit] ?? 1)
}
