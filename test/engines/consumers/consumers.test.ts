import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { hash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { promisify } from 'node:util'

import avro from 'avsc'

import { schemas } from '../../../schemas/codec.ts'
import { sealedHeaders, topics } from '../../../services/bus/topics.ts'
import { missing, requireProgram } from '../../support/engine.ts'
import type { Skippable } from '../../support/engine.ts'
import { cachedDirectory } from '../engine-cache.ts'
import { startKafka } from '../kafka.ts'
import { copyClosure, isMavenHere } from '../maven.ts'
import { writeTopics } from './written-topics.ts'
import type { WrittenRecord, WrittenTopics } from './written-topics.ts'

/**
 * Programs that Affidavit did not write read what it wrote to a real Kafka: they fetch the schemas from our registry, decode every
 * record, encode it again to the same bytes, and find by the leaf in the exported log the hash that the record's header says.
 */

const bothTopics = [topics.auditEvents, topics.ledgerSealed] as const
// Nothing here waits for a time; this ends what hangs.
const slow = { timeout: 900_000 }
const execute = promisify(execFile)
const limits = { timeout: 300_000, maxBuffer: 256 << 20 }

/** Written once for all tests of this file. */
let writing: Promise<WrittenTopics | null> | undefined
const cleanup = new AsyncDisposableStack()
after(() => cleanup.disposeAsync())

async function writtenTopics(t: Skippable): Promise<WrittenTopics | null> {
  return (await (writing ??= write(t))) ?? missing(t, 'Kafka')
}

async function write(t: Skippable): Promise<WrittenTopics | null> {
  const kafka = await startKafka(t)
  if (kafka === null) return null
  cleanup.use(kafka)
  const directory = await mkdtemp(join(tmpdir(), 'affidavit-consumers-'))
  cleanup.defer(() => rm(directory, { recursive: true, force: true }))
  return cleanup.use(await writeTopics(kafka, directory))
}

/** What a consumer prints for a record. */
interface Line {
  readonly partition: number
  readonly offset: number
  readonly key: string
  readonly headers: Readonly<Record<string, string>>
  readonly event: unknown
  /** SHA-256 of the value as it was read, and as it was encoded again. */
  readonly value: string
  readonly again: string
  readonly leafHash: string | null
}

const types = new Map(
  Array.from(schemas, ([id, schema]) => [
    id,
    avro.Type.forSchema(schema as avro.Schema, { wrapUnions: 'never' }),
  ]),
)

/** Null for what is not framed. */
function schemaIdOf(value: Buffer): number | null {
  return value[0] === 0 ? value.readUInt32BE(1) : null
}

function lineOf({ partition, offset, key, headers, value }: WrittenRecord): Line {
  const digest = hash('sha256', value)
  return {
    partition,
    offset: Number(offset),
    key: key.toString(),
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, each]) => [name, each.toString('hex')]),
    ),
    event: plain(types.get(schemaIdOf(value) ?? 0)?.fromBuffer(value.subarray(5)) ?? null),
    value: digest,
    again: digest,
    leafHash: headers[sealedHeaders.leafHash]?.toString('hex') ?? null,
  }
}

/** As JSON says it: bytes in hex. */
function plain(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString('hex')
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]))
}

function inOrder<T extends { readonly partition: number; readonly offset: number }>(
  lines: readonly T[],
): readonly T[] {
  return [...lines].sort((a, b) => a.partition - b.partition || a.offset - b.offset)
}

/** Runs a consumer on both topics and compares what it prints with what was written. */
async function consumesAll(
  written: WrittenTopics,
  program: string,
  args: readonly string[],
): Promise<void> {
  for (const topic of bothTopics) {
    const records = written.records[topic]
    const { brokers, registryUrl, logs } = written
    const { stdout } = await execute(
      program,
      [...args, brokers, registryUrl, logs, topic, String(records.length)],
      limits,
    )
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line)
    const expected = inOrder(records.map(lineOf))
    // One after the other: of two long lists that differ, the difference alone would take all memory.
    inOrder(lines).forEach((line, index) => assert.deepEqual(line, expected[index]))
    assert.equal(lines.length, expected.length)
  }
}

test(
  'the product wrote events of every schema, each with its headers, and sealed all there was',
  slow,
  async (t) => {
    const written = await writtenTopics(t)
    if (written === null) return
    const events = written.records[topics.auditEvents]
    const sealed = written.records[topics.ledgerSealed]
    assert.ok(events.length > 500)
    const ids = new Set(events.map(({ value }) => schemaIdOf(value)))
    assert.deepEqual(ids, new Set([...schemas.keys(), null]))
    const values = (records: readonly WrittenRecord[]): string[] =>
      records.map(({ value }) => hash('sha256', value)).sort()
    assert.deepEqual(values(sealed), values(events))
    for (const { headers, value } of [...events, ...sealed]) {
      const id = schemaIdOf(value)
      assert.equal(
        headers['content-type']?.toString(),
        id === null ? undefined : 'application/avro',
      )
      assert.equal(
        headers['ce_dataschema']?.toString(),
        id === null ? undefined : `${written.registryUrl}/schemas/ids/${id}`,
      )
    }
    const { log, position, leafHash, quarantined } = sealedHeaders
    for (const { headers, value } of sealed) {
      for (const name of [log, position, leafHash]) assert.ok(headers[name], name)
      assert.equal(headers[quarantined] === undefined, schemaIdOf(value) !== null)
    }
  },
)

test('Python, with confluent-kafka and fastavro', slow, async (t) => {
  const python = requireProgram(t, 'python3')
  if (python === null) return
  const written = await writtenTopics(t)
  if (written === null) return
  const interpreter = await pythonWith(t, python, join(import.meta.dirname, 'requirements.txt'))
  if (interpreter === null) return
  await consumesAll(written, interpreter, [join(import.meta.dirname, 'consume.py')])
})

test('Java, with Apache’s Kafka client and Avro library', slow, async (t) => {
  const java = requireProgram(t, 'java')
  if (java === null || requireProgram(t, 'javac') === null) return
  if (!isMavenHere()) {
    missing(t, 'Maven (mvn)')
    return
  }
  const written = await writtenTopics(t)
  if (written === null) return
  const libraries = await javaLibraries(t)
  if (libraries === null) return
  const program = join(import.meta.dirname, 'Consume.java')
  await consumesAll(written, java, ['-cp', join(libraries, '*'), program])
})

test('kcat: every record, byte for byte', slow, async (t) => {
  const kcat = requireProgram(t, 'kcat')
  if (kcat === null) return
  const written = await writtenTopics(t)
  if (written === null) return
  for (const topic of bothTopics) {
    const records: readonly WrittenRecord[] = written.records[topic]
    const where = ['-b', written.brokers, '-t', topic, '-C', '-e', '-q', '-o', 'beginning']
    const described: { readonly stdout: string } = await execute(
      kcat,
      [...where, '-f', '%p\\t%o\\t%k\\t%S\\n'],
      limits,
    )
    assert.deepEqual(
      described.stdout.trimEnd().split('\n').sort(),
      records
        .map(({ partition, offset, key, value }) =>
          [partition, offset, key.toString(), value.length].join('\t'),
        )
        .sort(),
    )
    // Each value after its length in four bytes.
    const { stdout } = await execute(kcat, [...where, '-f', '%R%s'], {
      ...limits,
      encoding: 'buffer',
    })
    const values: string[] = []
    for (let at = 0; at < stdout.length;) {
      const end = at + 4 + stdout.readInt32BE(at)
      values.push(stdout.subarray(at + 4, end).toString('hex'))
      at = end
    }
    assert.deepEqual(values.sort(), records.map(({ value }) => value.toString('hex')).sort())
  }
})

/** The interpreter of an environment that has these packages. */
async function pythonWith(
  t: Skippable,
  python: string,
  requirements: string,
): Promise<string | null> {
  const version = hash('sha256', await readFile(requirements)).slice(0, 16)
  const environment = await fetched(t, `python-consumer-${version}`, async (directory) => {
    await execute(python, ['-m', 'venv', directory])
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r']
    await execute(join(directory, 'bin', 'python'), [...pip, requirements])
  })
  return environment === null ? null : join(environment, 'bin', 'python')
}

function javaLibraries(t: Skippable): Promise<string | null> {
  const kafka = { group: 'org.apache.kafka', name: 'kafka-clients', version: '4.3.1' }
  const avroLibrary = { group: 'org.apache.avro', name: 'avro', version: '1.12.1' }
  // Without it the client prints that it cannot log.
  const log = { group: 'org.slf4j', name: 'slf4j-nop', version: '2.0.17' }
  return fetched(t, `java-consumer-${kafka.version}-${avroLibrary.version}`, async (directory) => {
    await copyClosure([kafka, avroLibrary, log], directory, `${directory}.project`)
  })
}

/** What comes from elsewhere is skipped by name where it cannot be had. */
async function fetched(
  t: Skippable,
  name: string,
  make: (directory: string) => Promise<void>,
): Promise<string | null> {
  try {
    return await cachedDirectory(name, make)
  } catch (error) {
    return missing(t, `${name} (${String(error)})`)
  }
}
