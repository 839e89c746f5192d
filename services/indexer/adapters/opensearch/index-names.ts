import { hash } from 'node:crypto'

import { IndexError } from '../../search-index.ts'

/** Entries of one log in one index at most; a shard of this many stays well under 50 GB. */
const entriesPerRange = 20_000_000
const maxIdBytes = 512

/**
 * Every name in OpenSearch that this index uses. What is read stands behind three aliases; the indices themselves carry the number of
 * the generation they were filled in, so that a rebuilt index can stand beside the one that answers.
 */
export class IndexNames {
  readonly prefix: string
  readonly entries: string
  readonly statements: string
  readonly sessions: string
  readonly state: string
  readonly deadLetters: string

  constructor(prefix: string) {
    if (!/^[a-z0-9][a-z0-9._-]{0,99}$/.test(prefix)) {
      throw new IndexError(
        'INDEX_FAILED',
        `"${prefix}" cannot begin the names of indices: up to 100 lower-case letters, digits, ".", "_" and "-", a letter or digit first`,
      )
    }
    this.prefix = prefix
    this.entries = prefix
    this.statements = `${prefix}-statements`
    this.sessions = `${prefix}-sessions`
    this.state = `${prefix}-state`
    this.deadLetters = `${prefix}-dead-letters`
  }

  /** Where an entry stands: a function of its log and position alone, since an id is unique within one index only. */
  entriesIndex(generation: number, log: string, position: number): string {
    const range = String(Math.floor(position / entriesPerRange)).padStart(3, '0')
    return `${this.prefix}-entries-${generation}-${groupOf(log)}-${range}`
  }

  statementsIndex(generation: number): string {
    return `${this.statements}-${generation}`
  }

  sessionsIndex(generation: number): string {
    return `${this.sessions}-${generation}`
  }

  /** The generation that an index belongs to, null for one of another kind. */
  generationOf(index: string): number | null {
    for (const kind of [`${this.prefix}-entries-`, `${this.statements}-`, `${this.sessions}-`]) {
      const generation = index.startsWith(kind)
        ? /^\d+(?=-|$)/.exec(index.slice(kind.length))
        : null
      if (generation !== null) return Number(generation[0])
    }
    return null
  }
}

// The period of the log, as the ledger names it: then a quarter's indices can leave together. A log named otherwise has its own group.
function groupOf(log: string): string {
  const period = /(?:^|\/)(\d{4}q[1-4])$/.exec(log)?.[1]
  return period ?? `x${hash('sha256', log).slice(0, 12)}`
}

/** One id over the limit would fail every other document of its request. */
export function entryId(log: string, position: number): string {
  const id = `${log}:${position}`
  if (Buffer.byteLength(id) <= maxIdBytes) return id
  throw new IndexError(
    'INDEX_FAILED',
    `the log's name is too long for OpenSearch: with a position it has more than ${maxIdBytes} bytes; choose a shorter operator or environment`,
  )
}
