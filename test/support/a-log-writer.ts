import { randomBytes } from 'node:crypto'

import { FileLedgerStorage } from '../../services/ledger/adapters/files/file-ledger-storage.ts'
import type { FileLedgerOptions } from '../../services/ledger/adapters/files/open.ts'
import { Duplicates } from '../../services/ledger/log/duplicates.ts'
import type { LogWriter } from '../../services/ledger/log/log-writer.ts'
import { openLog } from '../../services/ledger/log/open-log.ts'
import { originOf, periodOf } from '../../services/ledger/origin.ts'
import { payloadCommitment } from '../../services/ledger/log/payload-commitment.ts'
import type { NewPayload } from '../../services/ledger/storage/payload-store.ts'
import { formatVkey } from '../../services/ledger/proof/note.ts'
import type { LedgerStorage } from '../../services/ledger/storage/storage.ts'

/** The origin of partition 0 in the current period. */
export function originOfTest(options: FileLedgerOptions): string {
  return originOf({ ...options, part: 0, period: periodOf(options.clock.nowMs()) })
}

/** Opens partition 0 as its writer, through `storage` where it is given. Owns what it opens. */
export async function openWriter(
  options: FileLedgerOptions,
  storage?: LedgerStorage,
): Promise<LogWriter> {
  const origin = originOfTest(options)
  const { key } = options
  const vkey = formatVkey(origin, key.publicKey)
  const { publicKey } = key
  const owner = storage ?? (await FileLedgerStorage.open(options))
  return openLog(await owner.openForWriting(origin), {
    signer: { name: origin, vkey, publicKey, sign: (message) => key.sign(message) },
    duplicates: new Duplicates(options.duplicateWindow),
  })
}

/** Adds events with payloads of their own, as one batch, and commits it. */
export async function commitEvents(log: LogWriter, count: number): Promise<void> {
  const payloads: NewPayload[] = []
  log.batch.setLedgerTime(Date.now() * 1000)
  for (let index = 0; index < count; index++) {
    const position = log.batch.nextSeq
    const value = Buffer.from(`payload of ${position}`)
    const salt = randomBytes(32)
    log.batch.addEvent({
      off: position - 1,
      lepoch: -1,
      evt: `event-${position}`,
      et: '2026-11-25T08:00:00.000000Z',
      prod: 'edge-1',
      pseq: position - 1,
      cty: 'text/plain',
      csz: value.length,
      com: payloadCommitment(salt, value),
      ixType: 'edge.heartbeat',
      ixOutcome: null,
      dupOf: null,
    })
    const subject = `session-${position % 4}`
    payloads.push({ position, subject, salt, key: Buffer.from(subject), value })
  }
  await log.commit(payloads)
  await log.settled()
}
