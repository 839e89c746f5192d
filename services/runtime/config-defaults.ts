import { resolve } from 'node:path'

import type {
  ClientFile,
  ConfigFile,
  KafkaFile,
  OpenSearchFile,
  ReportFile,
  RolesFile,
  TargetFile,
  TokensFile,
  PrincipalFile,
} from '../../schemas/config.ts'
import { dataPaths } from './config.ts'
import type {
  Config,
  EdgeConfig,
  IdentityConfig,
  KafkaConfig,
  OidcClient,
  OpenSearchConfig,
  ReportConfig,
  RoleGroups,
  TargetConfig,
  PrincipalRule,
  TokenLimits,
} from './config.ts'

/** A file with everything that the services need. */
export type WholeFile = ConfigFile & Required<Pick<ConfigFile, 'identity' | 'ledger' | 'policy'>>

export const defaultApiPort = 21_400
const dayMs = 86_400_000

type PathOf = (relative: string) => string

export function edgeConfig(file: ConfigFile, directory: string): EdgeConfig {
  const path: PathOf = (relative) => resolve(directory, relative)
  const listen = listenOf(file)
  const tls = file.edge?.tls
  return {
    tenant: file.tenant,
    dataDirectory: path(file.data),
    listen,
    edge: {
      id: file.edge?.id ?? 'edge-1',
      heartbeatMs: (file.edge?.heartbeat_seconds ?? 10) * 1000,
      spoolBytes: (file.edge?.spool_mebibytes ?? 1024) * 1_048_576,
      batchWindowMs: file.edge?.batch_window_ms ?? 20,
      sessionPasswordMs: (file.edge?.session_password_minutes ?? 60) * 60_000,
      publicHost: file.edge?.public_host ?? listen,
      healthPort: file.edge?.health_port ?? null,
      maskingKeyFile:
        pathOrNull(file.edge?.masking_key_file, path) ?? dataPaths(path(file.data)).maskingKey,
      certificate:
        tls === undefined
          ? null
          : {
              certificateFile: path(tls.certificate_file),
              keyFile: pathOrNull(tls.key_file, path),
            },
    },
    controlVkeyFile: pathOrNull(file.control?.vkey_file, path),
    identity: file.identity === undefined ? null : identityConfig(file.identity),
    bus: {
      partitions: file.bus?.partitions ?? 1,
      retentionMs: (file.bus?.retention_days ?? 7) * dayMs,
      kafka: file.bus?.kind === 'kafka' ? kafkaConfig(file.bus.kafka, path) : null,
    },
    targets: file.targets.map((target) => targetConfig(target, path)),
  }
}

export function wholeConfig(file: WholeFile, directory: string): Config {
  const path: PathOf = (relative) => resolve(directory, relative)
  const port = file.api?.port ?? defaultApiPort
  const publicUrl = file.api?.public_url ?? `http://${listenOf(file)}:${port}`
  return {
    ...edgeConfig(file, directory),
    api: { port, publicUrl },
    identity: {
      ...identityConfig(file.identity),
      audience: file.identity.audience ?? publicUrl,
      roles: roleGroups(file.identity.roles ?? {}),
      console: oidcClient(file.identity.console, path),
      cliClientId: file.identity.cli?.client_id ?? 'affidavit-cli',
    },
    search: {
      opensearch:
        file.search?.kind === 'opensearch' ? openSearchConfig(file.search.opensearch, path) : null,
    },
    ledger: {
      operator: file.ledger.operator,
      environment: file.ledger.environment,
      checkpointMs: file.ledger.checkpoint_ms ?? 500,
    },
    policyFile: path(file.policy),
    reports: (file.reports ?? []).map(reportConfig),
    webhooks: (file.webhooks ?? []).map(({ name, url, secret_file: secret }) => ({
      name,
      url,
      secretFile: path(secret),
    })),
  }
}

function identityConfig(file: WholeFile['identity']): IdentityConfig {
  return {
    issuer: file.issuer,
    groupsClaim: file.groups_claim ?? 'groups',
    nameClaim: file.name_claim ?? 'name',
    agents: (file.agents ?? []).map(principalRule),
    services: (file.services ?? []).map(principalRule),
    tokens: tokenLimits(file.tokens),
  }
}

function principalRule(file: PrincipalFile): PrincipalRule {
  if (typeof file === 'string') return file
  return { claim: file.claim, is: file.is ?? null, startsWith: file.starts_with ?? null }
}

// Asymmetric only: with a shared secret, whoever can check a token can make one.
const tokenAlgorithms = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA', 'Ed25519']

function tokenLimits(file: TokensFile = {}): TokenLimits {
  return {
    algorithms: file.algorithms ?? tokenAlgorithms,
    longestLifeMs: (file.longest_minutes ?? 1440) * 60_000,
    clockSkewMs: (file.clock_skew_seconds ?? 30) * 1000,
    tokenIdClaim: file.id_claim ?? 'jti',
    isSingleUse: file.single_use ?? true,
  }
}

function roleGroups(file: RolesFile): RoleGroups {
  const { operator = [], analyst = [], approver = [], policy_author = [], auditor = [] } = file
  return { operator, analyst, approver, policy_author, auditor }
}

export function replicationOf(file: KafkaFile | undefined): {
  readonly replication: number
  readonly minInsyncReplicas: number
} {
  const replication = file?.replication ?? 3
  return {
    replication,
    minInsyncReplicas: file?.min_insync_replicas ?? Math.min(2, replication),
  }
}

function listenOf(file: ConfigFile): string {
  return file.listen ?? '127.0.0.1'
}

function pathOrNull(relative: string | undefined, path: PathOf): string | null {
  return relative === undefined ? null : path(relative)
}

// The schema holds that a bus of kind kafka says where it is.
function kafkaConfig(file: KafkaFile = { brokers: [] }, path: PathOf): KafkaConfig {
  const { tls, sasl } = file
  return {
    brokers: file.brokers,
    tls:
      tls === undefined
        ? null
        : {
            caFile: pathOrNull(tls.ca_file, path),
            certificateFile: pathOrNull(tls.certificate_file, path),
            keyFile: pathOrNull(tls.key_file, path),
          },
    sasl:
      sasl === undefined
        ? null
        : {
            mechanism: sasl.mechanism,
            username: sasl.username,
            passwordFile: path(sasl.password_file),
          },
    createTopics: file.create_topics ?? false,
    ...replicationOf(file),
  }
}

function openSearchConfig(file: OpenSearchFile = { nodes: [] }, path: PathOf): OpenSearchConfig {
  return {
    nodes: file.nodes,
    username: file.username ?? null,
    passwordFile: pathOrNull(file.password_file, path),
    caFile: pathOrNull(file.ca_file, path),
    prefix: file.prefix ?? 'audit-events',
  }
}

function oidcClient(file: ClientFile, path: PathOf): OidcClient {
  return {
    clientId: file.client_id,
    clientSecretFile: pathOrNull(file.client_secret_file, path),
  }
}

function targetConfig(file: TargetFile, path: PathOf): TargetConfig {
  const colon = file.address.lastIndexOf(':')
  return {
    name: file.name,
    kind: file.kind,
    host: file.address.slice(0, colon).replace(/^\[|\]$/g, ''),
    hostPort: Number(file.address.slice(colon + 1)),
    port: file.port,
    database: file.database,
    user: file.user,
    passwordFile: path(file.password_file),
    tls: {
      mode: file.tls?.mode ?? 'disable',
      caFile: pathOrNull(file.tls?.ca_file, path),
    },
    classificationFile: pathOrNull(file.classification, path),
    audience: file.audience ?? null,
    tokenPasswords: file.token_passwords ?? false,
    durability: file.durability ?? 'batched',
    onAuditFailure: file.on_audit_failure ?? 'refuse',
    recordResultsBytes: file.record_results_bytes ?? 65_536,
  }
}

function reportConfig(file: ReportFile): ReportConfig {
  return {
    control: file.control,
    schedule: file.schedule,
    period: file.period ?? 'month',
    parameters: file.parameters ?? {},
  }
}
