import { hash } from 'node:crypto'

import { sealedValue } from '../../documents.ts'
import type { IndexDocument } from '../../documents.ts'
import { IndexError } from '../../search-index.ts'
import type { Logger } from '../../../runtime/logger.ts'
import { actionLine } from './bulk-body.ts'
import type { Refusal } from './bulk-reply.ts'
import type { BulkWriter } from './bulk-writer.ts'

/** What OpenSearch refused. */
export interface DeadLetter {
  readonly document: IndexDocument
  readonly index: string
  readonly source: string
  readonly error: Refusal
}

/** Keeps what OpenSearch refuses, whole, in an index whose mapping refuses nothing. The entries themselves are in the ledger as ever. */
export class DeadLetters {
  readonly #index: string
  readonly #bulk: BulkWriter
  readonly #logger: Logger
  #count = 0

  constructor(index: string, bulk: BulkWriter, logger: Logger) {
    this.#index = index
    this.#bulk = bulk
    this.#logger = logger
  }

  /** Documents put aside since this process opened the index. */
  get count(): number {
    return this.#count
  }

  /** Resolves when all are durable. Rejects with `INDEX_FAILED` when this index refuses one too: then nothing may be committed. */
  async put(letters: readonly DeadLetter[], nowMs: number, signal: AbortSignal): Promise<void> {
    if (letters.length === 0) return
    const operations = letters.map((letter) => () => ({
      action: actionLine('create', this.#index, idOf(letter)),
      source: JSON.stringify(sourceOf(letter, nowMs)),
    }))
    const outcomes = await this.#bulk.write(operations, signal)
    for (const [at, { document, index, error }] of letters.entries()) {
      const outcome = outcomes[at]
      if (outcome?.kind === 'refused') {
        throw new IndexError(
          'INDEX_FAILED',
          `${index} refuses entry ${document.position} of ${document.log} (${error.type}), and ${this.#index} refuses it as a dead letter (${outcome.error.type}): nothing was committed; check the mapping of ${this.#index}`,
        )
      }
      if (outcome?.kind !== 'done') continue
      this.#count += 1
      this.#logger.error(
        {
          alert: 'dead_letter',
          index,
          log: document.log,
          position: document.position,
          status: error.status,
          type: error.type,
        },
        'OpenSearch refuses a document; it was put aside as a dead letter',
      )
    }
  }
}

function idOf({ document, index }: DeadLetter): string {
  return hash('sha256', JSON.stringify([index, document.log, document.position]))
}

function sourceOf({ document, index, source, error }: DeadLetter, nowMs: number): object {
  return {
    at: new Date(nowMs).toISOString(),
    log: document.log,
    position: document.position,
    index,
    status: error.status,
    error_type: error.type,
    error: { reason: error.reason },
    entry: { value: document[sealedValue]?.toString('base64') ?? null, encoding: 'base64' },
    document: { source },
  }
}
