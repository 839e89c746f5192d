import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'

import { OpenSearchIndex } from '../../services/indexer/adapters/opensearch/opensearch-index.ts'
import { documentOf } from '../../services/indexer/documents.ts'
import { silent } from '../services/indexer/bus-with-logs.ts'
import { createSelfSignedCertificate } from '../../services/runtime/self-signed-certificate.ts'
import { ALog, aWorkingDay } from '../support/a-log.ts'
import { startSecuredOpenSearch } from './opensearch-secured.ts'
import type { OpenSearchUser, SecuredAnswer, SecuredOpenSearch } from './opensearch-secured.ts'

const entries = 'audit-events-entries-*'

/** The roles and settings of `deploy/opensearch`, on a cluster that asks who is there. */
suite('OpenSearch with TLS, users and the roles that are delivered', () => {
  let engine: SecuredOpenSearch | null = null
  let reason = ''
  const log = aWorkingDay(new ALog())

  before(async () => {
    engine = await startSecuredOpenSearch({ skip: (message) => (reason = message ?? '') })
  })
  after(() => engine?.[Symbol.asyncDispose]())

  const withEngine = (name: string, body: (there: SecuredOpenSearch) => Promise<void>): void => {
    test(name, async (t) => {
      if (engine === null) return t.skip(reason)
      await body(engine)
    })
  }

  const openAs = (there: SecuredOpenSearch, user: OpenSearchUser, given = {}) =>
    OpenSearchIndex.open(
      {
        nodes: [there.url],
        username: user,
        password: there.passwords[user],
        ca: there.ca,
        prefix: 'audit-events',
        logger: silent,
        ...given,
      },
      AbortSignal.timeout(20_000),
    )

  withEngine(
    'the indexer makes what it needs, writes, finds what is missing and answers',
    async (there) => {
      await using index = await openAs(there, 'affidavit-indexer')
      const progress = { logs: [{ log: log.origin, indexed: log.records.length + 1 }] }
      await index.apply(log.records.map(documentOf), progress)
      await index.refresh()
      assert.equal((await index.query.search({})).hits.length, 8)
      assert.deepEqual(await index.missing(log.origin, 1, log.records.length + 1), [])
      assert.equal(index.counts.deadLetters, 0)
    },
  )

  withEngine('what was written goes on after a restart', async (there) => {
    await using index = await openAs(there, 'affidavit-indexer')
    assert.deepEqual(await index.progress(), [{ log: log.origin, indexed: log.records.length + 1 }])
    await index.apply(log.records.map(documentOf), { logs: [] })
    await index.refresh()
    assert.equal((await index.query.search({})).hits.length, 8)
  })

  withEngine('nobody changes or deletes an entry, not even the indexer', async (there) => {
    const found = await there.ask('affidavit-indexer', 'GET', `/audit-events/_search?size=1`)
    const [hit] = (found.body as { hits: { hits: { _index: string; _id: string }[] } }).hits.hits
    assert.ok(hit !== undefined)
    const id = encodeURIComponent(hit._id)
    const write = { statement: 'SELECT 1' }
    const tries: readonly (readonly [string, string, unknown?])[] = [
      ['PUT', `/${hit._index}/_doc/${id}`, write],
      ['POST', `/${hit._index}/_update/${id}`, { doc: write }],
      ['DELETE', `/${hit._index}/_doc/${id}`],
      ['POST', `/${hit._index}/_delete_by_query`, { query: { match_all: {} } }],
      ['DELETE', `/${hit._index}`],
    ]
    for (const user of ['affidavit-indexer', 'affidavit-api', 'analyst', 'observer'] as const) {
      for (const [method, path, body] of tries) {
        const { status } = await there.ask(user, method, path, body)
        assert.ok(status === 403 || status === 409, `${user} ${method} ${path}: ${status}`)
      }
    }
    const kept = await there.ask('affidavit-indexer', 'GET', `/${hit._index}/_doc/${id}`)
    assert.deepEqual((kept.body as { _version: number })._version, 1)
  })

  withEngine('each reader reads what its role is for', async (there) => {
    const fields = async (user: OpenSearchUser): Promise<ReadonlySet<string>> => {
      const path = `/${entries},audit-events-statements/_search`
      const answer = await there.ask(user, 'POST', path, { size: 100 })
      assert.equal(answer.status, 200, JSON.stringify(answer.body))
      const { hits } = answer.body as { hits: { hits: { _source: object }[] } }
      return new Set(hits.hits.flatMap(({ _source }) => Object.keys(_source)))
    }
    const whole = ['statement', 'names', 'words', 'document', 'context', 'parts']
    for (const user of ['affidavit-api', 'analyst'] as const) {
      const shown = await fields(user)
      for (const field of whole) assert.ok(shown.has(field), `${user} ${field}`)
    }
    const observed = await fields('observer')
    assert.ok(observed.has('session_id'))
    for (const field of whole) assert.ok(!observed.has(field), field)
    const state = (user: OpenSearchUser): Promise<SecuredAnswer> =>
      there.ask(user, 'GET', '/audit-events-state/_search')
    assert.equal((await state('affidavit-api')).status, 200)
    assert.equal((await state('observer')).status, 403)
    assert.equal((await there.ask('observer', 'GET', '/.opendistro_security/_search')).status, 403)
  })

  withEngine('who may not, and what is not trusted, is told by name', async (there) => {
    await assert.rejects(openAs(there, 'affidavit-api'), /403/)
    await assert.rejects(openAs(there, 'affidavit-indexer', { password: 'wrong' }), /401/)
    const day = 86_400_000
    const { certificatePem: ca } = createSelfSignedCertificate({
      commonName: 'somebody else',
      names: ['127.0.0.1'],
      notBefore: new Date(Date.now() - day),
      notAfter: new Date(Date.now() + day),
    })
    await assert.rejects(openAs(there, 'affidavit-indexer', { ca }), /certificate.*ca_file/)
  })
})
