import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { BatchWriter } from '../../services/ledger/log/batch-writer.ts'
import type { EntryStore } from '../../services/ledger/storage/entry-store.ts'
import { MerkleTree } from '../../services/ledger/proof/tree.ts'

/** A place for one log, which may be opened again and again. */
export interface EntryStorePlace {
  create(first: Parameters<EntryStore['append']>[0]): Promise<void>
  openForWriting(): Promise<EntryStore>
  openForReading(): Promise<EntryStore>
}

/** What every entry store must do. `place` gives a new and empty one that holds segments of a few entries. */
export function entryStoreContract(
  name: string,
  place: (t: TestContext, origin: string) => Promise<EntryStorePlace>,
): void {
  const origin = 'ledger.example/test/audit.events/p00/2026q4'

  test(`${name}: batches are there in order after they were appended, and after opening again`, async (t) => {
    const where = await place(t, origin)
    const writer = aWriter(origin)
    await where.create(withGenesis(writer))
    const written: string[] = []
    {
      await using store = await where.openForWriting()
      for (let batch = 0; batch < 30; batch++) {
        for (let index = 0; index < 1 + (batch % 5); index++) {
          written.push(`event-${writer.nextSeq}`)
          addEvent(writer)
        }
        const sealed = writer.seal()
        await store.append(sealed)
        assert.deepEqual(store.last, sealed.commit)
      }
      assert.deepEqual((await idsOf(store)).slice(1), written)
    }
    for (const open of [() => where.openForWriting(), () => where.openForReading()]) {
      await using store = await open()
      assert.equal(store.last.size, written.length + 1)
      assert.equal(store.tornBytes, 0)
      assert.deepEqual((await idsOf(store)).slice(1), written)
      assert.match((await store.read(5, 6))[0]?.toString() ?? '', /"evt":"event-5"/)
    }
  })

  test(`${name}: what is not there is said to be unknown`, async (t) => {
    const where = await place(t, origin)
    await where.create(withGenesis(aWriter(origin)))
    await using store = await where.openForReading()
    for (const [from, to] of [
      [1, 2],
      [-1, 0],
      [0, 0],
    ] as const) {
      await assert.rejects(store.read(from, to), { code: 'LEDGER_POSITION_UNKNOWN' })
    }
    assert.equal((await store.read(0, 1000)).length, 1)
  })

  test(`${name}: a reader beside the writer sees what was appended once it refreshes`, async (t) => {
    const where = await place(t, origin)
    const writer = aWriter(origin)
    await where.create(withGenesis(writer))
    await using store = await where.openForWriting()
    await using reader = await where.openForReading()
    for (let batch = 0; batch < 12; batch++) {
      addEvent(writer)
      addEvent(writer)
      await store.append(writer.seal())
      await reader.refresh()
      assert.deepEqual(reader.last, store.last)
      assert.equal((await idsOf(reader)).length, 3 + batch * 2)
    }
  })

  test(`${name}: its segments hold every committed byte, each going on where the one before ended`, async (t) => {
    const where = await place(t, origin)
    const writer = aWriter(origin)
    await where.create(withGenesis(writer))
    await using store = await where.openForWriting()
    for (let batch = 0; batch < 20; batch++) {
      addEvent(writer)
      await store.append(writer.seal())
    }
    const firstSeqs: number[] = []
    let text = ''
    for await (const segment of store.segments()) {
      firstSeqs.push(segment.firstSeq)
      text += segment.bytes.toString('latin1')
    }
    assert.equal(firstSeqs[0], 0)
    assert.deepEqual(
      firstSeqs,
      firstSeqs.toSorted((a, b) => a - b),
    )
    for (let seq = 1; seq <= 20; seq++) assert.ok(text.includes(`"evt":"event-${seq}"`))
  })
}

function aWriter(origin: string): BatchWriter {
  return new BatchWriter(
    { origin, topic: 'audit.events', part: 0 },
    {
      tree: new MerkleTree(),
      chainHead: Buffer.alloc(32),
      rtUs: 0,
      nextOffset: -1n,
      lastOffset: -1n,
      leaderEpoch: -1,
      writerEpoch: 1,
      lastEventSeq: null,
    },
  )
}

function withGenesis(writer: BatchWriter): ReturnType<BatchWriter['seal']> {
  writer.addGenesis('vkey')
  return writer.seal()
}

function addEvent(writer: BatchWriter): void {
  const seq = writer.nextSeq
  writer.addEvent({
    off: seq,
    lepoch: -1,
    evt: `event-${seq}`,
    et: '',
    prod: 'edge-1',
    pseq: seq,
    cty: 'text/plain',
    csz: 0,
    com: '',
    ixType: 'edge.heartbeat',
    ixOutcome: null,
    dupOf: null,
  })
}

async function idsOf(store: EntryStore): Promise<string[]> {
  const ids: string[] = []
  while (ids.length < store.last.size) {
    for (const entry of await store.read(ids.length, store.last.size)) {
      ids.push((JSON.parse(entry.toString()) as { evt?: string }).evt ?? '')
    }
  }
  return ids
}
