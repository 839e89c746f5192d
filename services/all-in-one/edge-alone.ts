import { readFile } from 'node:fs/promises'

import type { EdgeConfig } from '../runtime/config.ts'
import { HealthServer } from '../runtime/health-server.ts'
import { Health } from '../runtime/health.ts'
import { Lifecycle } from '../runtime/lifecycle.ts'
import type { Logger } from '../runtime/logger.ts'
import { Metrics } from '../runtime/metrics.ts'
import { claimData } from './data-directory.ts'
import { startEdges } from './edges.ts'
import { measure } from './measurements.ts'
import { openEdgeBus } from './open-bus.ts'
import { recordConfig } from './producers.ts'

export interface EdgeAlone extends AsyncDisposable {
  readonly lifecycle: Lifecycle
  /** Resolves when it was told to stop. */
  readonly stopped: Promise<void>
}

/** The edges and what they need: the bus, the key that control updates are signed with, and a spool. */
export async function startEdgeAlone(config: EdgeConfig, logger: Logger): Promise<EdgeAlone> {
  const { kafka } = config.bus
  if (kafka === null) {
    throw new Error(
      'an edge of its own meets the services on Kafka: set bus.kind to kafka, or run affidavit up',
    )
  }
  await using undo = new AsyncDisposableStack()
  undo.use(claimData(config, 'affidavit init --edge'))
  const lifecycle = undo.use(new Lifecycle(logger))
  const bus = lifecycle.add(await openEdgeBus(config, kafka, logger))
  const apiVkey = await readApiVkey(config)
  const edges = await startEdges({ config, bus, apiVkey, lifecycle, logger })
  await recordConfig(config, edges.recorder)

  const health = new Health()
  const metrics = new Metrics()
  measure({ health, metrics, recorders: [edges.recorder], edges, services: null })
  const { healthPort } = config.edge
  if (healthPort !== null) {
    lifecycle.add(
      await HealthServer.start({ host: config.listen, port: healthPort, health, metrics }),
    )
  }
  const stopped = Promise.withResolvers<undefined>()
  lifecycle.signal.addEventListener('abort', () => stopped.resolve(undefined))
  // A part may have failed while the others were still starting.
  if (lifecycle.signal.aborted) stopped.resolve(undefined)
  const owned = undo.move()
  return {
    lifecycle,
    stopped: stopped.promise,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

async function readApiVkey({ controlVkeyFile }: EdgeConfig): Promise<string> {
  if (controlVkeyFile === null) throw new Error('control.vkey_file is required but missing')
  const text = await readFile(controlVkeyFile, 'utf8').catch((cause: unknown) => {
    throw new Error(
      `the api's key ${controlVkeyFile} cannot be read; it is public/api.vkey of the services' data directory`,
      { cause },
    )
  })
  return text.trim()
}
