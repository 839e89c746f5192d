import { readFile } from 'node:fs/promises'
import { hash } from 'node:crypto'

import manifest from '../../package.json' with { type: 'json' }
import { ownContext } from '../../schemas/event.ts'
import { reportableTypes } from '../../schemas/event-types.ts'
import type { ProducerRole } from '../../schemas/event-types.ts'
import type { Bus } from '../bus/bus.ts'
import type { Recorder } from '../edge/capture/recorder.ts'
import { openRecorder } from '../edge/capture/spooled-recorder.ts'
import type { SpooledRecorder } from '../edge/capture/spooled-recorder.ts'
import { systemClock } from '../runtime/clock.ts'
import { dataPaths } from '../runtime/config.ts'
import type { EdgeConfig } from '../runtime/config.ts'
import type { Lifecycle } from '../runtime/lifecycle.ts'
import type { Logger } from '../runtime/logger.ts'
import { keyOf } from './data-directory.ts'
import { replaceFile } from '../ledger/adapters/files/durable-files.ts'

/** Opens what records the events of one producer, with its own spool and key. */
export async function openProducer(
  config: EdgeConfig,
  producer: string,
  role: ProducerRole,
  bus: Bus,
  lifecycle: Lifecycle,
  logger: Logger,
): Promise<SpooledRecorder> {
  return lifecycle.add(
    await openRecorder({
      producer,
      directory: dataPaths(config.dataDirectory).spool(producer),
      tenant: config.tenant,
      version: manifest.version,
      key: await keyOf(config, producer),
      bus,
      clock: systemClock,
      logger: logger.child({ part: 'capture', producer }),
      role,
      windowMs: config.edge.batchWindowMs,
      heartbeatMs: config.edge.heartbeatMs,
      maxSpoolBytes: config.edge.spoolBytes,
    }),
  )
}

/** Records the configuration when it is not the one that was recorded last. It names secrets by their files only. */
export async function recordConfig(config: EdgeConfig, recorder: Recorder): Promise<void> {
  const { recordedConfig: file } = dataPaths(config.dataDirectory)
  const content = JSON.stringify(config)
  const previous = await readFile(file, 'utf8').catch(() => null)
  if (previous === content) return
  const outcome = recorder.scope(ownContext(config.tenant)).record({
    type: 'config.changed',
    change: {
      what: 'configuration',
      digest: hash('sha256', content, 'buffer'),
      previous: previous === null ? null : hash('sha256', previous, 'buffer'),
      content: Buffer.from(content),
      event_types: reportableTypes,
    },
  })
  if (!outcome.ok) throw new Error(`the configuration cannot be recorded: ${outcome.reason}`)
  await recorder.durable()
  await replaceFile(file, content, 0o600)
}
