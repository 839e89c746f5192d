import { isUtf8 } from 'node:buffer'
import { hash } from 'node:crypto'

import type { BoundParameter } from './protocol/frontend.ts'
import type { StatementPolicy, StatementSubject, Verdict } from './statement-policy.ts'

/** A text a client sent, with what was decided about it. Owns its bytes, so it may outlive the chunk it came in. */
export interface Statement {
  readonly text: Buffer
  readonly sha256: Buffer
  readonly verdict: Verdict
}

export interface Portal {
  readonly statement: Statement
  readonly parameters: readonly BoundParameter[]
}

const noFacts = {
  ruleIds: [],
  reads: [],
  writes: [],
  functions: [],
  names: [],
  settles: false,
  operation: 'unparsed',
} as const

/** The verdict on bytes that never reach the grammar. */
export function unparseable(reason: string): Verdict {
  return {
    ...noFacts,
    refusal: { kind: 'blocked', message: `statement refused: ${reason}` },
    ruleIds: ['unparseable'],
    reason,
  }
}

/**
 * The verdicts of one session by exact text: deciding costs a parse, remembering nearly nothing. Bounded by bytes, since
 * statements differ in size by orders of magnitude; the oldest go first. Belongs to one policy and one subject.
 */
export class StatementCache {
  readonly #policy: StatementPolicy
  readonly #subject: StatementSubject
  readonly #maxBytes: number
  readonly #byText = new Map<string, Statement>()
  #bytes = 0
  #digest: Buffer

  constructor(policy: StatementPolicy, subject: StatementSubject, maxBytes: number) {
    this.#policy = policy
    this.#subject = subject
    this.#maxBytes = maxBytes
    this.#digest = policy.digest
  }

  /** The statement in [start, end) of `bytes`, decided by the policy in force. */
  decide(bytes: Buffer, start: number, end: number): Statement {
    if (this.#policy.digest !== this.#digest) this.#forgetAll()
    // One character per byte: a key that tells texts apart exactly as their bytes do.
    const key = bytes.toString('latin1', start, end)
    return this.#byText.get(key) ?? this.#decideAnew(key, bytes.subarray(start, end))
  }

  #decideAnew(key: string, slice: Buffer): Statement {
    const text = Buffer.from(slice)
    const statement = { text, sha256: sha256(text), verdict: this.#verdictOn(text) }
    if (text.length * 2 > this.#maxBytes) return statement
    this.#bytes += cost(text)
    this.#byText.set(key, statement)
    for (const [oldest, { text: dropped }] of this.#byText) {
      if (this.#bytes <= this.#maxBytes) break
      this.#byText.delete(oldest)
      this.#bytes -= cost(dropped)
    }
    return statement
  }

  #verdictOn(text: Buffer): Verdict {
    if (text.includes(0)) return unparseable('NUL in the statement')
    if (!isUtf8(text)) return unparseable('the statement is not UTF-8')
    return this.#policy.decide(text.toString('utf8'), this.#subject)
  }

  #forgetAll(): void {
    this.#digest = this.#policy.digest
    this.#byText.clear()
    this.#bytes = 0
  }
}

// Text, key and an allowance for the objects around them.
function cost(text: Buffer): number {
  return text.length * 2 + 512
}

export function sha256(bytes: Buffer): Buffer {
  return hash('sha256', bytes, 'buffer')
}
