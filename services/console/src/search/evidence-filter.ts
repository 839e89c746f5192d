/** What is asked for, as it stands in the page's address: a link to a page of findings shows the same question to somebody else. */
export interface EvidenceFilter {
  readonly text: string
  readonly actor: string
  readonly target: string
  readonly decision: string
  readonly outcome: string
  readonly kind: string
  readonly relation: string
  readonly approver: string
  readonly from: number | null
  readonly to: number | null
}

const words = [
  'text',
  'actor',
  'target',
  'decision',
  'outcome',
  'kind',
  'relation',
  'approver',
] as const

export function filterOfAddress(address: URLSearchParams): EvidenceFilter {
  const word = (name: (typeof words)[number]): string => address.get(name) ?? ''
  return {
    text: word('text'),
    actor: word('actor'),
    target: word('target'),
    decision: word('decision'),
    outcome: word('outcome'),
    kind: word('kind'),
    relation: word('relation'),
    approver: word('approver'),
    from: timeOf(address.get('from')),
    to: timeOf(address.get('to')),
  }
}

/** Without blank conditions, so that the address says only what was asked. */
export function addressOfFilter(filter: EvidenceFilter): URLSearchParams {
  const address = new URLSearchParams()
  for (const name of words) if (filter[name].trim() !== '') address.set(name, filter[name].trim())
  if (filter.from !== null) address.set('from', String(filter.from))
  if (filter.to !== null) address.set('to', String(filter.to))
  return address
}

export function isBlank(filter: EvidenceFilter): boolean {
  return addressOfFilter(filter).size === 0
}

function timeOf(text: string | null): number | null {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null
}
