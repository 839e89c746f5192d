import type { Role } from './roles.ts'

/**
 * The configuration file, in the shape of `config.schema.json`, before defaults and paths are filled in. An edge of its own needs
 * less of it than the services do.
 */
export interface ConfigFile {
  readonly version: 1
  readonly tenant: string
  readonly data: string
  readonly listen?: string
  readonly api?: { readonly port?: number; readonly public_url?: string }
  readonly identity?: {
    readonly issuer: string
    readonly audience?: string
    readonly groups_claim?: string
    readonly name_claim?: string
    readonly agents?: readonly PrincipalFile[]
    readonly services?: readonly PrincipalFile[]
    readonly tokens?: TokensFile
    readonly roles?: RolesFile
    readonly console: ClientFile
    readonly cli?: ClientFile
  }
  readonly edge?: {
    readonly id?: string
    readonly heartbeat_seconds?: number
    readonly spool_mebibytes?: number
    readonly batch_window_ms?: number
    readonly session_password_minutes?: number
    readonly public_host?: string
    readonly health_port?: number
    readonly masking_key_file?: string
    readonly tls?: { readonly certificate_file: string; readonly key_file?: string }
  }
  readonly control?: { readonly vkey_file: string }
  readonly bus?: {
    readonly kind?: 'embedded' | 'kafka'
    readonly partitions?: number
    readonly retention_days?: number
    readonly kafka?: KafkaFile
  }
  readonly search?: {
    readonly kind?: 'embedded' | 'opensearch'
    readonly opensearch?: OpenSearchFile
  }
  readonly ledger?: {
    readonly operator: string
    readonly environment: string
    readonly checkpoint_ms?: number
  }
  readonly targets: readonly TargetFile[]
  readonly policy?: string
  readonly reports?: readonly ReportFile[]
  readonly webhooks?: readonly WebhookFile[]
}

export interface WebhookFile {
  readonly name: string
  readonly url: string
  readonly secret_file: string
}

export type RolesFile = Readonly<Partial<Record<Role, readonly string[]>>>

/** A subject, or what a claim has to say. */
export type PrincipalFile =
  string | { readonly claim: string; readonly is?: string; readonly starts_with?: string }

export interface TokensFile {
  readonly algorithms?: readonly string[]
  readonly longest_minutes?: number
  readonly clock_skew_seconds?: number
  readonly id_claim?: string
  readonly single_use?: boolean
}

export interface ClientFile {
  readonly client_id: string
  readonly client_secret_file?: string
}

export interface KafkaFile {
  readonly brokers: readonly string[]
  readonly tls?: {
    readonly ca_file?: string
    readonly certificate_file?: string
    readonly key_file?: string
  }
  readonly sasl?: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
    readonly username: string
    readonly password_file: string
  }
  readonly create_topics?: boolean
  readonly replication?: number
  readonly min_insync_replicas?: number
}

export interface OpenSearchFile {
  readonly nodes: readonly string[]
  readonly username?: string
  readonly password_file?: string
  readonly ca_file?: string
  readonly prefix?: string
}

export interface TargetFile {
  readonly name: string
  readonly kind: 'postgres'
  readonly address: string
  readonly port: number
  readonly database: string
  readonly user: string
  readonly password_file: string
  readonly tls?: {
    readonly mode: 'disable' | 'verify-ca' | 'verify-full'
    readonly ca_file?: string
  }
  readonly classification?: string
  readonly audience?: string
  readonly token_passwords?: boolean
  readonly durability?: 'strict' | 'batched'
  readonly on_audit_failure?: 'refuse' | 'allow'
  readonly record_results_bytes?: number
}

export interface ReportFile {
  readonly control: 'au-2'
  readonly schedule: string
  readonly period?: 'hour' | 'day' | 'week' | 'month'
  readonly parameters?: Readonly<Record<string, string>>
}
