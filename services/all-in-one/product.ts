import { hash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

import manifest from '../../package.json' with { type: 'json' }
import { ownContext } from '../../schemas/event.ts'
import type { ProducerRole } from '../../schemas/event-types.ts'
import { formatProblem } from '../../schemas/validated-document.ts'
import { discoverIssuer, startApi } from '../api/api.ts'
import { ControlPublisher } from '../api/control/control-publisher.ts'
import { ControlRetention } from '../api/control/control-retention.ts'
import { ControlState } from '../api/control/control-state.ts'
import { publishPolicy } from '../api/control/policy-publication.ts'
import { loadPolicy } from '../edge/guard/policy.ts'
import type { Policy } from '../edge/guard/policy.ts'
import type { Bus } from '../bus/bus.ts'
import { followTopic } from '../bus/follow-topic.ts'
import { topics } from '../bus/topics.ts'
import { startIndexer } from '../indexer/indexer.ts'
import type { Query } from '../indexer/query.ts'
import { WatchedQuery } from '../indexer/watched-query.ts'
import { parseVkey } from '../ledger/proof/note.ts'
import type { LedgerReader } from '../ledger/reader.ts'
import { openReporter } from '../reporter/reporter.ts'
import type { Reports } from '../reporter/report.ts'
import { systemClock } from '../runtime/clock.ts'
import { dataPaths } from '../runtime/config.ts'
import type { Config } from '../runtime/config.ts'
import { Health } from '../runtime/health.ts'
import { Lifecycle } from '../runtime/lifecycle.ts'
import type { Logger } from '../runtime/logger.ts'
import { Metrics } from '../runtime/metrics.ts'
import { groupOfStart } from './group-of-start.ts'
import { claimData, signerOf } from './data-directory.ts'
import { certificateFileOf, publishedCertificate } from './edge-certificate.ts'
import { startEdges } from './edges.ts'
import { openLogs } from './ledger-files.ts'
import { openBus } from './open-bus.ts'
import { openIndex } from './open-index.ts'
import { watchHeadway } from './headway-of-services.ts'
import { openProducer, recordConfig } from './producers.ts'
import { measure } from './measurements.ts'
import { prepareSealing } from './sealing.ts'
import { readPassword } from './secrets.ts'
import { startTokensAtEdges } from './start-tokens-at-edges.ts'
import { startWebhooks } from './start-webhooks.ts'

/** What it was given to start with is wrong: a sentence, or the list of mistakes of a file. */
export class ProductError extends Error {
  override readonly name = 'ProductError'
}

export interface ProductOptions {
  /** Default true. False: edges run elsewhere, as `affidavit edge`. */
  readonly edges?: boolean
}

/** Every service in one process, and the edges unless they run elsewhere. */
export interface Product extends AsyncDisposable {
  readonly address: string
  readonly lifecycle: Lifecycle
  readonly bus: Bus
  readonly query: Query
  readonly reader: LedgerReader
  readonly reports: Reports
  readonly reporterVkey: string
  readonly edgeCertificateFile: string
  /** Resolves when the product was told to stop. */
  readonly stopped: Promise<void>
}

/** Starts in the order in which events flow, so that nothing is ever produced that nobody can take. Stops the other way round. */
export async function startProduct(
  config: Config,
  logger: Logger,
  options: ProductOptions = {},
): Promise<Product> {
  const policy = await readPolicy(config)
  await using undo = new AsyncDisposableStack()
  undo.use(claimData(config))
  const lifecycle = undo.use(new Lifecycle(logger))
  const { signal } = lifecycle
  const paths = dataPaths(config.dataDirectory)
  const health = new Health()
  const metrics = new Metrics()

  const bus = lifecycle.add(await openBus(config, logger))
  const index = lifecycle.add(await openIndex(config, logger, signal))
  const query = new WatchedQuery({
    query: index.query,
    clock: systemClock,
    logger: logger.child({ part: 'search' }),
  })
  health.add('search', () => query.health())
  const ledger = lifecycle.add(await openLogs(config, logger))
  const indexer = lifecycle.add(
    startIndexer({
      bus,
      index,
      ledger: ledger.reader,
      logger: logger.child({ part: 'indexer' }),
      signal,
    }),
  )
  lifecycle.background('indexer', indexer.done)

  const beginSealing = prepareSealing({ ledger, bus, lifecycle, logger })

  const record = (producer: string, role: ProducerRole) =>
    openProducer(config, producer, role, bus, lifecycle, logger)
  const ledgerRecorder = await record('ledger', 'ledger')
  beginSealing(ledgerRecorder.scope(ownContext(config.tenant)))
  const reporterRecorder = await record('reporter', 'reporter')
  const apiRecorder = await record('api', 'api')
  await recordConfig(config, apiRecorder)

  const apiSigner = await signerOf(config, 'api')
  const edges =
    options.edges === false
      ? null
      : await startEdges({ config, bus, apiVkey: apiSigner.vkey, lifecycle, logger })

  const reporterSigner = await signerOf(config, 'reporter')
  const reporter = lifecycle.add(
    await openReporter({
      directory: paths.reports,
      tenant: config.tenant,
      build: manifest.version,
      reader: ledger.reader,
      recorder: reporterRecorder,
      signer: reporterSigner,
      schedules: config.reports,
      clock: systemClock,
      logger: logger.child({ part: 'reporter' }),
    }),
  )

  health.add('reports', () => reporter.health())

  const control = new ControlState(parseVkey(apiSigner.vkey).key)
  const following = followTopic({
    bus,
    group: groupOfStart(config.bus, 'api.control'),
    topic: topics.controlUpdates,
    take: (record) => control.read(record),
    signal,
  })
  lifecycle.background('control updates of the api', following.done)
  await following.caughtUp
  const publisher = new ControlPublisher({
    producer: bus.producer,
    sign: (message) => apiSigner.sign(message),
    clock: systemClock,
    state: control,
  })
  lifecycle.add(
    new ControlRetention({
      state: control,
      producer: bus.producer,
      clock: systemClock,
      logger: logger.child({ part: 'control' }),
    }),
  )
  const tokens = { config, bus, control, publisher, health, lifecycle, logger }
  const tokensAtEdges = await startTokensAtEdges(tokens)
  await publishPolicy({
    policy,
    current: hash('sha256', control.policyText ?? '', 'hex'),
    recorder: apiRecorder,
    publisher,
    context: ownContext(config.tenant),
  })

  measure({
    health,
    metrics,
    recorders: [
      ...(edges === null ? [] : [edges.recorder]),
      apiRecorder,
      reporterRecorder,
      ledgerRecorder,
    ],
    edges,
    services: { bus, ledger, index, indexer, control },
  })
  lifecycle.background(
    'health',
    watchHeadway({ health, bus, ledger, indexer, clock: systemClock }, signal),
  )

  await startWebhooks({ config, bus, recorder: apiRecorder, health, lifecycle, logger })

  const { console: client } = config.identity
  const api = lifecycle.add(
    await startApi({
      listen: config.listen,
      port: config.api.port,
      tenant: config.tenant,
      publicUrl: config.api.publicUrl,
      version: manifest.version,
      identity: {
        issuer: await discoverIssuer({
          issuer: config.identity.issuer,
          clientId: client.clientId,
          clientSecret:
            client.clientSecretFile === null ? null : await readPassword(client.clientSecretFile),
          logger,
          signal,
        }),
        audience: config.identity.audience,
        groupsClaim: config.identity.groupsClaim,
        nameClaim: config.identity.nameClaim,
        agents: config.identity.agents,
        services: config.identity.services,
        tokens: config.identity.tokens,
        roles: config.identity.roles,
        cliClientId: config.identity.cliClientId,
      },
      targets: config.targets.map(({ name, kind, port, database, audience }) => ({
        name,
        kind,
        host: config.edge.publicHost,
        port,
        database,
        audience,
      })),
      edgeCertificatePem: edges?.certificatePem ?? (await publishedCertificate(config)),
      sessionPasswordMs: config.edge.sessionPasswordMs,
      query,
      reader: ledger.reader,
      reports: reporter,
      recorder: apiRecorder,
      publisher,
      control,
      tokensAtEdges: tokensAtEdges.caughtUp,
      health,
      metrics,
      consoleDirectory: fileURLToPath(new URL('../console/dist', import.meta.url)),
      clock: systemClock,
      logger: logger.child({ part: 'api' }),
      signal,
    }),
  )
  const stopped = Promise.withResolvers<undefined>()
  signal.addEventListener('abort', () => {
    stopped.resolve(undefined)
  })
  // A part may have failed while the others were still starting.
  if (signal.aborted) stopped.resolve(undefined)
  const owned = undo.move()
  return {
    address: api.address,
    lifecycle,
    bus,
    query,
    reader: ledger.reader,
    reports: reporter,
    edgeCertificateFile: certificateFileOf(config),
    reporterVkey: reporterSigner.vkey,
    stopped: stopped.promise,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

async function readPolicy(config: Config): Promise<Policy> {
  const text = await readFile(config.policyFile, 'utf8').catch((cause: unknown) => {
    throw new ProductError(`the policy ${config.policyFile} cannot be read`, { cause })
  })
  const loaded = loadPolicy(text, config.policyFile)
  if (loaded.ok) return loaded.policy
  throw new ProductError(
    `${config.policyFile} has mistakes; nothing was started\n${loaded.problems.map(formatProblem).join('\n')}`,
  )
}
