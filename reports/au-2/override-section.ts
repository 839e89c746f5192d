import type { Block, Section } from '../report-document.ts'
import { instant } from './findings.ts'
import type { Override } from './override-facts.ts'
import { nameOf, overridesOf } from './override-review.ts'
import type { Au2Result } from './report.ts'

/** Who broke the glass, and what another person found afterwards. */
export function overrideSection({ facts }: Au2Result): Section {
  return { title: 'Break-glass (AC-3(10))', blocks: overrideBlocks(overridesOf(facts)) }
}

function overrideBlocks(due: readonly Override[]): readonly Block[] {
  if (due.length === 0) {
    return [{ kind: 'text', text: 'No review of a break-glass was due in the period.' }]
  }
  return [
    {
      kind: 'table',
      caption: 'Break-glass whose review was due in the period',
      columns: [
        { title: 'Due (UTC)', share: 18 },
        { title: 'Who broke it', share: 18 },
        { title: 'Target', share: 14 },
        { title: 'Reviewed (UTC)', share: 18 },
        { title: 'By', share: 18 },
        { title: 'Found', share: 14 },
      ],
      rows: due.map(({ dueUs, by, target, reviews }) => {
        const review = reviews.find(({ isByAnother }) => isByAnother) ?? reviews[0]
        const told = review === undefined ? ['–', '–', '–'] : toldBy(review)
        return [shortTime(dueUs), nameOf(by), target, ...told]
      }),
    },
  ]
}

function toldBy({ us, by, verdict }: Override['reviews'][number]): readonly string[] {
  return [shortTime(us), nameOf(by), verdict?.replaceAll('_', ' ') ?? '–']
}

function shortTime(us: number): string {
  return instant(us).slice(0, 19).replace('T', ' ')
}
