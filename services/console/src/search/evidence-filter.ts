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

type Words = Readonly<Record<(typeof words)[number], string>>

/** What is asked for, as it stands in the page's address: a link to a page of findings shows the same question to somebody else. */
export interface EvidenceFilter extends Words {
  readonly from: number | null
  readonly to: number | null
}

export function filterOfAddress(address: URLSearchParams): EvidenceFilter {
  return {
    ...(Object.fromEntries(words.map((word) => [word, address.get(word) ?? ''])) as Words),
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
