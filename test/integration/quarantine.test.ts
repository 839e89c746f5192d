import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, suite, test } from 'node:test'

import { parse } from 'csv-parse/sync'

import { topics } from '../../services/bus/topics.ts'
import type { Hit } from '../../services/indexer/query.ts'
import { readZip, unpackEntry } from '../../services/reporter/bundle/zip.ts'
import { anEvent, encoded } from '../support/an-event.ts'
import { demoStack, eventually } from '../support/demo-stack.ts'
import type { DemoStack } from '../support/demo-stack.ts'

interface Sent {
  readonly reason: string
  readonly words: RegExp
  readonly value: Buffer
  /** `topic/partition/offset` */
  readonly source: string
}

/** What somebody who may write to the topic, and is none of our producers, can send. */
function badMessages(): readonly (readonly [string, RegExp, string, Buffer])[] {
  const value = encoded(anEvent({ producer: 'stranger' }))
  const unknown = Buffer.from(value)
  unknown.writeUInt32BE(4711, 1)
  return [
    ['no_frame', /does not begin with 0x00/, 'stranger', Buffer.from('{"level":"info"}')],
    ['unknown_schema', /schema id is none of ours/, 'stranger', unknown],
    ['truncated', /ends before its last field/, 'stranger', value.subarray(0, -3)],
    ['trailing_bytes', /bytes follow/, 'stranger', Buffer.concat([value, Buffer.from('more')])],
    // An event that would be good if it stood under its own key: a session that somebody else speaks for.
    ['wrong_key', /key is not that of/, 'stranger', encoded(anEvent({ session_id: 'victim' }))],
  ]
}

suite('messages on the topic that are not ours', () => {
  let stack: DemoStack
  let fromMs: number
  const sent: Sent[] = []
  before(async () => {
    stack = await demoStack()
    fromMs = Date.now()
    const { producer } = stack.demo.product.bus
    for (const [reason, words, key, value] of badMessages()) {
      const { partition, baseOffset } = await producer.send(topics.auditEvents, Buffer.from(key), [
        { value, headers: {} },
      ])
      const source = `${topics.auditEvents}/${partition}/${baseOffset}`
      sent.push({ reason, words, value, source })
    }
    // The consumer goes on: what comes after them on the same topic is sealed and found.
    await stack.demo.runAgent()
  })
  after(() => stack[Symbol.asyncDispose]())

  const get = async (path: string): Promise<unknown> => {
    const { accessToken } = await stack.demo.tokenOf('ada')
    const answer = await fetch(new URL(path, stack.demo.product.address), {
      headers: { authorization: `Bearer ${accessToken}` },
    })
    assert.equal(answer.status, 200, await answer.clone().text())
    return answer.json()
  }
  const search = async (query: string): Promise<readonly Hit[]> =>
    ((await get(`/v1/search?${query}`)) as { hits: Hit[] }).hits

  test('each is found by search with its reason and place, as the console shows it', async () => {
    const hits = await eventually('all of them', async () => {
      const found = await search('kind=quarantined')
      return found.length === sent.length ? found : null
    })
    for (const { words, source } of sent) {
      const hit = hits.find(({ remark }) => remark?.includes(`(${source})`))
      assert.match(hit?.remark ?? '', words)
      assert.equal(hit?.sessionId, null)
    }
    const types = (await search('text=wrong_key')).map(({ type }) => type)
    assert.ok(types.includes('quarantined'), types.join())
    assert.deepEqual(await search('session=victim'), [])
  })

  test('each is sealed with its bytes, and shown as no event', async () => {
    const hits = await search('kind=quarantined')
    for (const { value, source, reason } of sent) {
      const hit = hits.find(({ remark }) => remark?.includes(source))
      assert.ok(hit)
      const log = encodeURIComponent(hit.log)
      const entry = (await get(`/v1/entries/${hit.position}?log=${log}`)) as {
        payloadBase64: string
        event: unknown
        leaf: { topic: string; part: number; off: number; ix: object }
      }
      assert.deepEqual(Buffer.from(entry.payloadBase64, 'base64'), value)
      assert.equal(entry.event, null)
      const { topic, part, off, ix } = entry.leaf
      assert.equal(`${topic}/${part}/${off}`, source)
      assert.deepEqual(ix, { outcome: reason, type: 'quarantined' })
    }
  })

  test('each raises a finding of the ledger, which is sealed and found too', async () => {
    await eventually('a finding for each reason', async () => {
      const remarks = (await search('kind=gap.detected')).map(({ remark }) => remark ?? '')
      const isTold = sent.every(({ words }) => remarks.some((remark) => words.test(remark)))
      return isTold ? remarks : null
    })
  })

  test('AU2-04 names each reason, partition and offset', async () => {
    const { reports } = stack.demo.product
    const begun = await reports.start({
      control: 'au-2',
      fromMs: fromMs - 60_000,
      toMs: Date.now() + 1,
      trigger: 'ad_hoc',
    })
    const { id, reason } = await reports.finished(begun.id)
    assert.equal(reason, null)
    const bundle = await readFile((await reports.bundle(id)) ?? '')
    const file = readZip(bundle, 100_000_000).entries.find(({ path }) => path === 'exceptions.csv')
    assert.ok(file)
    const rows = parse(unpackEntry(file), { columns: true }) as Record<string, string>[]
    const sentences = rows
      .filter(({ rule }) => rule === 'AU2-04')
      .map((row) => Object.values(row).join(' '))
    for (const { words, source } of sent) {
      const [, partition, offset] = source.split('/')
      const sentence = sentences.find((each) => words.test(each)) ?? ''
      assert.match(sentence, new RegExp(`partition ${partition}, offset .*\\b${offset}\\b`))
    }
  })
})
