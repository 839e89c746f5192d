import { dirname, join, resolve } from 'node:path'

import { validate as isCronExpression } from 'node-cron'

import type { ClientFile, ConfigFile, ReportFile, TargetFile } from '../../schemas/config.ts'
import schema from '../../schemas/config.schema.json' with { type: 'json' }
import { compileSchema, inOrder, parseYamlDocument } from '../../schemas/validated-document.ts'
import type { Located, Problem } from '../../schemas/validated-document.ts'

/** The configuration with every default filled in and every path absolute. Secrets are named by their files, never held here. */
export interface Config {
  readonly tenant: string
  readonly dataDirectory: string
  readonly listen: string
  readonly api: { readonly port: number; readonly publicUrl: string }
  readonly identity: {
    readonly issuer: string
    readonly audience: string
    readonly groupsClaim: string
    readonly agents: readonly string[]
    readonly console: OidcClient
    readonly cliClientId: string
  }
  readonly edge: {
    readonly id: string
    readonly heartbeatMs: number
    readonly spoolBytes: number
    readonly batchWindowMs: number
    readonly sessionPasswordMs: number
    /** Null: the product makes its own certificate in the data directory. */
    readonly certificate: { readonly certificateFile: string; readonly keyFile: string } | null
  }
  readonly bus: { readonly partitions: number; readonly retentionMs: number }
  readonly ledger: {
    readonly operator: string
    readonly environment: string
    readonly checkpointMs: number
  }
  readonly targets: readonly TargetConfig[]
  readonly policyFile: string
  readonly reports: readonly ReportConfig[]
}

export interface OidcClient {
  readonly clientId: string
  readonly clientSecretFile: string | null
}

export interface TargetConfig {
  readonly name: string
  readonly kind: 'postgres'
  readonly host: string
  readonly hostPort: number
  /** Where the edge listens. */
  readonly port: number
  readonly database: string
  readonly user: string
  readonly passwordFile: string
  readonly tls: {
    readonly mode: 'disable' | 'verify-ca' | 'verify-full'
    readonly caFile: string | null
  }
  readonly durability: 'strict' | 'batched'
  readonly onAuditFailure: 'refuse' | 'allow'
  readonly recordResultsBytes: number
}

export interface ReportConfig {
  readonly control: 'au-2'
  readonly schedule: string
  readonly period: 'hour' | 'day' | 'week' | 'month'
  readonly parameters: Readonly<Record<string, string>>
}

export type ConfigResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly problems: readonly Problem[] }

const validator = compileSchema<ConfigFile>(schema)

/** Reads a configuration and reports everything that is wrong with it at once. `file` is its path, for messages and relative paths. */
export function parseConfig(text: string, file: string): ConfigResult {
  const document = parseYamlDocument(text, file, validator)
  if (!document.ok) return document
  const problems = contradictions(document)
  if (problems.length > 0) return { ok: false, problems }
  return { ok: true, config: resolved(document.value, resolve(dirname(file))) }
}

function contradictions(document: Located<ConfigFile>): readonly Problem[] {
  const { value } = document
  const problems: Problem[] = []
  const names = new Set<string>()
  const ports = new Map<number, string>([[value.api?.port ?? defaultApiPort, 'the api']])
  value.targets.forEach((target, index) => {
    if (names.has(target.name)) {
      problems.push(
        document.at(['targets', index, 'name'], `another target is called ${target.name} already`),
      )
    }
    names.add(target.name)
    const other = ports.get(target.port)
    if (other !== undefined) {
      problems.push(
        document.at(['targets', index, 'port'], `port ${target.port} is taken by ${other}`),
      )
    }
    ports.set(target.port, `target ${target.name}`)
    if (Number(target.address.slice(target.address.lastIndexOf(':') + 1)) > 65_535) {
      problems.push(document.at(['targets', index, 'address'], 'expected a port up to 65535'))
    }
    const tls = target.tls
    if (tls !== undefined && tls.mode !== 'disable' && tls.ca_file === undefined) {
      problems.push(document.at(['targets', index, 'tls'], `mode ${tls.mode} needs ca_file`))
    }
  })
  value.reports?.forEach((report, index) => {
    if (!isCronExpression(report.schedule)) {
      problems.push(
        document.at(
          ['reports', index, 'schedule'],
          'expected five cron fields, such as "0 6 1 * *" for 06:00 on the first of the month',
        ),
      )
    }
  })
  return inOrder(problems)
}

const defaultApiPort = 21_400
const dayMs = 86_400_000

function resolved(file: ConfigFile, directory: string): Config {
  const path = (relative: string): string => resolve(directory, relative)
  const listen = file.listen ?? '127.0.0.1'
  const port = file.api?.port ?? defaultApiPort
  const publicUrl = file.api?.public_url ?? `http://${listen}:${port}`
  const tls = file.edge?.tls
  return {
    tenant: file.tenant,
    dataDirectory: path(file.data),
    listen,
    api: { port, publicUrl },
    identity: {
      issuer: file.identity.issuer,
      audience: file.identity.audience ?? publicUrl,
      groupsClaim: file.identity.groups_claim ?? 'groups',
      agents: file.identity.agents ?? [],
      console: oidcClient(file.identity.console, path),
      cliClientId: file.identity.cli?.client_id ?? 'affidavit-cli',
    },
    edge: {
      id: file.edge?.id ?? 'edge-1',
      heartbeatMs: (file.edge?.heartbeat_seconds ?? 10) * 1000,
      spoolBytes: (file.edge?.spool_mebibytes ?? 1024) * 1_048_576,
      batchWindowMs: file.edge?.batch_window_ms ?? 20,
      sessionPasswordMs: (file.edge?.session_password_minutes ?? 60) * 60_000,
      certificate:
        tls === undefined
          ? null
          : { certificateFile: path(tls.certificate_file), keyFile: path(tls.key_file) },
    },
    bus: {
      partitions: file.bus?.partitions ?? 1,
      retentionMs: (file.bus?.retention_days ?? 7) * dayMs,
    },
    ledger: {
      operator: file.ledger.operator,
      environment: file.ledger.environment,
      checkpointMs: file.ledger.checkpoint_ms ?? 500,
    },
    targets: file.targets.map((target) => targetConfig(target, path)),
    policyFile: path(file.policy),
    reports: (file.reports ?? []).map(reportConfig),
  }
}

function oidcClient(file: ClientFile, path: (relative: string) => string): OidcClient {
  const secret = file.client_secret_file
  return {
    clientId: file.client_id,
    clientSecretFile: secret === undefined ? null : path(secret),
  }
}

function targetConfig(file: TargetFile, path: (relative: string) => string): TargetConfig {
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
      caFile: file.tls?.ca_file === undefined ? null : path(file.tls.ca_file),
    },
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

/** Where each part of the product keeps its files. */
export function dataPaths(dataDirectory: string) {
  const at = (...parts: readonly string[]): string => join(dataDirectory, ...parts)
  return {
    format: at('FORMAT'),
    keys: at('keys'),
    edgeCertificate: at('keys', 'edge.crt'),
    edgeCertificateKey: at('keys', 'edge.pem'),
    spool: (producer: string) => at('spool', producer),
    bus: at('bus', 'bus.sqlite'),
    ledger: at('ledger'),
    index: at('index'),
    reports: at('reports'),
    recordedConfig: at('recorded-config.json'),
  } as const
}
