import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { TestContext } from 'node:test'
import {
  BusError,
  type Batch,
  type BatchResult,
  type Bus,
  type BusErrorCode,
  type BusRecord,
  type ConsumerOptions,
  type StoredRecord,
} from '../../services/bus/bus.ts'
import { partitionOf } from '../../services/bus/partitioner.ts'

/** What an adapter gives to the suite. */
export interface BusFixture {
  /** A bus with these topics, which are new and empty. Cleans up in `t.after`. */
  open(t: TestContext, topics: readonly { name: string; partitions: number }[]): Promise<OpenBus>
  /** A record of so many bytes (key, headers and value together) is taken, one of twice as many is refused. */
  readonly largestRecordBytes: number
}

export interface OpenBus {
  readonly bus: Bus
  /** Ends this bus and opens it again over what it has stored. The old one is of no use any more. */
  readonly restart: () => Promise<Bus>
}

/** One topic that nobody else uses. */
export async function openTopic(
  t: TestContext,
  fixture: BusFixture,
  partitions = 1,
): Promise<OpenBus & { readonly topic: string; readonly group: string }> {
  const topic = `contract.${randomUUID()}`
  const opened = await fixture.open(t, [{ name: topic, partitions }])
  return { ...opened, topic, group: `group-${randomUUID()}` }
}

export function texts(...values: readonly string[]): BusRecord[] {
  return values.map((value) => ({ value: Buffer.from(value), headers: {} }))
}

export function textsOf(records: readonly StoredRecord[]): string[] {
  return records.map(({ value }) => value.toString())
}

/** Commits everything. */
export function done(batch: Batch): BatchResult {
  const last = batch.records.at(-1)
  assert.ok(last, 'a batch has at least one record')
  return { commit: last.offset + 1n }
}

/** Reads until so many records were handed over and committed, then leaves the group. */
export async function readRecords(
  bus: Bus,
  options: ConsumerOptions,
  count: number,
): Promise<(StoredRecord & { readonly partition: number })[]> {
  const read: (StoredRecord & { readonly partition: number })[] = []
  if (count === 0) return read
  const stop = new AbortController()
  await using consumer = bus.consumer(options)
  await consumer.run(async (batch) => {
    for (const record of batch.records) {
      const { headers, timestampMs } = record
      read.push({ ...record, headers, timestampMs, partition: batch.partition })
    }
    if (read.length >= count) stop.abort()
    return done(batch)
  }, stop.signal)
  return read
}

/** A key that belongs to the partition. */
export function keyFor(partition: number, partitions: number): Buffer {
  for (let number = 0; ; number += 1) {
    const key = Buffer.from(`key-${number}`)
    if (partitionOf(key, partitions) === partition) return key
  }
}

export function withCode(code: BusErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof BusError && error.code === code
}
