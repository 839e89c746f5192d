import { randomBytes } from 'node:crypto'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { FileEntryStore } from '../../services/ledger/adapters/files/file-entry-store.ts'
import { BatchWriter } from '../../services/ledger/log/batch-writer.ts'
import type { EventLeafFields } from '../../services/ledger/log/leaf-template.ts'
import { MerkleTree } from '../../services/ledger/proof/tree.ts'

const origin = 'ledger.example.com/prod/audit.events/p03/2026q4'

/**
 * The durable append core, from the fields of an event to a synced commit (leaf text, frame, leaf hash, tree, chain, commit frame,
 * one write, fdatasync), beside the same bytes written and synced raw. Rounds of the two alternate, so what else the machine does
 * meets both; the median and the ratio of the medians count.
 */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '7' },
      entries: { type: 'string', default: '131072' },
      directory: { type: 'string', default: tmpdir() },
    },
  })
  const rounds = Number(values.rounds)
  const entries = Number(values.entries)
  const directory = await mkdtemp(join(values.directory, 'affidavit-bench-'))
  try {
    console.log(
      `durable append core, ${entries} entries a round, ${rounds} rounds each, alternating`,
    )
    console.log('batch  entry bytes  core entries/s  raw entries/s  ratio  core CPU µs/entry')
    for (const batch of [1024, 4096]) {
      const core: number[] = []
      const raw: number[] = []
      const cpu: number[] = []
      let bytes: readonly Buffer[] = []
      // The first round warms up and does not count.
      for (let round = 0; round <= rounds; round++) {
        const place = join(directory, `${batch}-${round}`)
        const measured = await runCore(place, entries, batch)
        bytes = measured.batches
        const rawRate = await runRaw(`${place}.raw`, bytes, entries)
        if (round === 0) continue
        core.push(measured.rate)
        cpu.push(measured.cpuUs)
        raw.push(rawRate)
      }
      const size = bytes.reduce((sum, { length }) => sum + length, 0) / entries
      const row = [
        String(batch).padStart(5),
        size.toFixed(0).padStart(11),
        Math.round(median(core)).toLocaleString('en').padStart(14),
        Math.round(median(raw)).toLocaleString('en').padStart(13),
        (median(core) / median(raw)).toFixed(2).padStart(5),
        median(cpu).toFixed(2).padStart(17),
      ]
      console.log(row.join('  '))
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

interface CoreResult {
  readonly rate: number
  readonly cpuUs: number
  /** Copies of what was written, for the raw round. */
  readonly batches: readonly Buffer[]
}

async function runCore(directory: string, entries: number, batchSize: number): Promise<CoreResult> {
  const writer = new BatchWriter(
    { origin, topic: 'audit.events', part: 3 },
    {
      tree: new MerkleTree(),
      chainHead: Buffer.alloc(32),
      rtUs: Date.now() * 1000,
      nextOffset: -1n,
      lastOffset: -1n,
      leaderEpoch: -1,
      writerEpoch: 0,
      lastEventSeq: null,
    },
  )
  const events = someEvents(entries)
  writer.addGenesis('vkey')
  await FileEntryStore.create(directory, origin, writer.seal())
  await using store = await FileEntryStore.open({ directory, origin, isWritable: true })
  const batches: Buffer[] = []
  let copyMs = 0
  const cpuStart = process.cpuUsage()
  const start = performance.now()
  let inFlight: Promise<void> = Promise.resolve()
  for (let at = 0; at < entries;) {
    const end = Math.min(entries, at + batchSize)
    writer.setLedgerTime(Date.now() * 1000)
    for (; at < end && !writer.isFull; at++) {
      const event = events[at]
      if (event !== undefined) writer.addEvent(event)
    }
    const sealed = writer.seal()
    // As the log's writer does: one batch is filled while the one before is written.
    await inFlight
    inFlight = store.append(sealed)
    const copyStart = performance.now()
    batches.push(Buffer.from(sealed.bytes.subarray(0, sealed.length)))
    copyMs += performance.now() - copyStart
  }
  await inFlight
  const seconds = (performance.now() - start - copyMs) / 1000
  const { user, system } = process.cpuUsage(cpuStart)
  return {
    rate: entries / seconds,
    cpuUs: (user + system - copyMs * 1000) / entries,
    batches,
  }
}

async function runRaw(file: string, batches: readonly Buffer[], entries: number): Promise<number> {
  const handle = await open(file, 'w')
  const start = performance.now()
  let at = 0
  for (const batch of batches) {
    await handle.write(batch, 0, batch.length, at)
    await handle.datasync()
    at += batch.length
  }
  const seconds = (performance.now() - start) / 1000
  await handle.close()
  return entries / seconds
}

function someEvents(count: number): readonly EventLeafFields[] {
  const com = randomBytes(32).toString('base64')
  return Array.from({ length: count }, (_, at) => ({
    off: at,
    lepoch: -1,
    evt: `0192f0c1-7b1c-7000-8000-${String(at).padStart(12, '0')}`,
    et: '2026-11-25T16:00:00.123456Z',
    prod: 'edge-1',
    pseq: at,
    cty: 'application/avro;schema=1',
    csz: 512,
    com,
    ixType: 'request.received',
    ixOutcome: null,
    dupOf: null,
  }))
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}
