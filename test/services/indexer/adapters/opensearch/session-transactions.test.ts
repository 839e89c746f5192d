import assert from 'node:assert/strict'
import { test } from 'node:test'

import { jsonText } from '../../../../../services/indexer/adapters/opensearch/bulk-body.ts'
import { statementFold } from '../../../../../services/indexer/adapters/opensearch/fold.ts'
import type { StatementFold } from '../../../../../services/indexer/adapters/opensearch/fold.ts'
import type { Ask } from '../../../../../services/indexer/adapters/opensearch/found.ts'
import { IndexNames } from '../../../../../services/indexer/adapters/opensearch/index-names.ts'
import {
  looseStatementIn,
  SessionTransactions,
} from '../../../../../services/indexer/adapters/opensearch/session-transactions.ts'
import { timed } from '../../../../../services/indexer/adapters/opensearch/source.ts'
import type { Source } from '../../../../../services/indexer/adapters/opensearch/source.ts'
import { documentOf } from '../../../../../services/indexer/documents.ts'
import { ALog } from '../../../../support/a-log.ts'

const names = new IndexNames('x')

/** The documents of BEGIN, DELETE and COMMIT in a session that is over. */
function sources(): readonly Source[] {
  const log = new ALog()
  const session = log.startSession('session-1')
  return ['BEGIN', 'DELETE', 'COMMIT'].map((text) => {
    session.complete(session.ask(text, { operation: text.toLowerCase() }), { command_tag: text })
    const fold = log.records.slice(-2).reduce<StatementFold | null>((known, record) => {
      const document = documentOf(record)
      return statementFold.add(known, timed(document, document.occurredAtUs ?? 0))
    }, null)
    assert.ok(fold !== null)
    return JSON.parse(jsonText(statementFold.source(fold))) as Source
  })
}

/** What is said of the DELETE where the COMMIT is seen only after a refresh, if that is allowed. */
async function told(isAllowed: boolean): Promise<string | undefined> {
  const [begin, statement, commit] = sources()
  assert.ok(begin !== undefined && statement !== undefined && commit !== undefined)
  let isSeen = false
  const ask: Ask = (alias, body) => {
    const { aggs, sort } = body as { aggs?: object; sort?: readonly { seq?: string }[] }
    const key = String(statement['session_key'])
    const isBefore = sort?.[0]?.seq === 'desc'
    const found = alias === names.sessions ? [{}] : isBefore ? [begin] : isSeen ? [commit] : []
    const hits = { hits: found.map((source) => ({ _source: source, sort: [0, 0] })) }
    return Promise.resolve(
      aggs === undefined ? { hits } : { aggregations: { sessions: { buckets: [{ key }] } } },
    )
  }
  const refresh = (): Promise<boolean> => {
    isSeen = isAllowed
    return Promise.resolve(isAllowed)
  }
  const transactions = new SessionTransactions(ask, names, refresh)
  const loose = looseStatementIn(statement, [])
  const ends = await transactions.ofEach([{ source: statement, statement: loose }])
  return ends.get(loose)?.state
}

test('a COMMIT that is not visible yet is looked for before it is said that there is none', async () => {
  assert.equal(await told(true), 'committed')
})

test('who may not look for it says that it is not known', async () => {
  assert.equal(await told(false), 'unknown')
})
