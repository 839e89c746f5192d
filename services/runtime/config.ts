import { join } from 'node:path'

import type { Role } from '../../schemas/roles.ts'

/** What an edge of its own is told. Every default is filled in and every path absolute; secrets are named by their files, never held here. */
export interface EdgeConfig {
  readonly tenant: string
  readonly dataDirectory: string
  readonly listen: string
  readonly edge: {
    readonly id: string
    readonly heartbeatMs: number
    readonly spoolBytes: number
    readonly batchWindowMs: number
    readonly sessionPasswordMs: number
    /** What clients are told to connect to. */
    readonly publicHost: string
    readonly healthPort: number | null
    readonly maskingKeyFile: string
    /** Null: made in the data directory. */
    readonly certificate: {
      readonly certificateFile: string
      readonly keyFile: string | null
    } | null
  }
  /** Holds the key that control updates are signed with; null where the api is in the same process. */
  readonly controlVkeyFile: string | null
  /** Whose tokens are taken, and who acts by one; null where nothing is said of it. */
  readonly identity: IdentityConfig | null
  readonly bus: BusConfig
  readonly targets: readonly TargetConfig[]
}

/** The whole configuration. */
export interface Config extends EdgeConfig {
  readonly api: { readonly port: number; readonly publicUrl: string }
  readonly identity: IdentityConfig & {
    readonly audience: string
    readonly roles: RoleGroups
    readonly console: OidcClient
    readonly cliClientId: string
  }
  readonly search: SearchConfig
  readonly ledger: {
    readonly operator: string
    readonly environment: string
    readonly checkpointMs: number
  }
  readonly policyFile: string
  readonly reports: readonly ReportConfig[]
  readonly webhooks: readonly WebhookConfig[]
}

/** Where people are told of approvals. */
export interface WebhookConfig {
  readonly name: string
  readonly url: string
  readonly secretFile: string
}

export interface IdentityConfig {
  readonly issuer: string
  readonly groupsClaim: string
  readonly nameClaim: string
  /** They come before services. */
  readonly agents: readonly PrincipalRule[]
  readonly services: readonly PrincipalRule[]
  readonly tokens: TokenLimits
}

/** A subject, or what a claim of the token has to say. */
export type PrincipalRule = string | ClaimRule

/** The claim is there; where it is to be a text, or to begin with one, it is that text, or a list with such an item. */
export interface ClaimRule {
  /** As in `groupsClaim`, a path where no claim has this name as a whole. */
  readonly claim: string
  readonly is: string | null
  readonly startsWith: string | null
}

/** Which tokens of the issuer are taken. */
export interface TokenLimits {
  readonly algorithms: readonly string[]
  readonly longestLifeMs: number
  readonly clockSkewMs: number
  /** Names the token in the evidence; the claim by which it is known again. */
  readonly tokenIdClaim: string
  /** Whether a token gets one session password, or opens one session, and no second one. */
  readonly isSingleUse: boolean
}

/** The groups of the issuer whose members have each role here. */
export type RoleGroups = Readonly<Record<Role, readonly string[]>>

export interface BusConfig {
  readonly partitions: number
  readonly retentionMs: number
  /** Null: the embedded bus. */
  readonly kafka: KafkaConfig | null
}

export interface KafkaConfig {
  readonly brokers: readonly string[]
  readonly tls: {
    readonly caFile: string | null
    readonly certificateFile: string | null
    readonly keyFile: string | null
  } | null
  readonly sasl: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
    readonly username: string
    readonly passwordFile: string
  } | null
  readonly createTopics: boolean
  readonly replication: number
  readonly minInsyncReplicas: number
}

export interface SearchConfig {
  /** Null: the embedded index. */
  readonly opensearch: OpenSearchConfig | null
}

export interface OpenSearchConfig {
  readonly nodes: readonly string[]
  readonly username: string | null
  readonly passwordFile: string | null
  readonly caFile: string | null
  readonly prefix: string
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
  readonly classificationFile: string | null
  /** Whom a token must be for that is exchanged for its session password; null: the api's. */
  readonly audience: string | null
  /** Whether a token for this audience is also taken as password. */
  readonly tokenPasswords: boolean
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

/** Where each part of the product keeps its files. */
export function dataPaths(dataDirectory: string) {
  const at = (...parts: readonly string[]): string => join(dataDirectory, ...parts)
  return {
    format: at('FORMAT'),
    keys: at('keys'),
    /** Public keys, for those who check what this deployment signs. */
    public: at('public'),
    usedTokens: at('used-tokens'),
    /** How far the api has read which tokens were used at edges. */
    tokensAtEdges: at('tokens-at-edges.json'),
    maskingKey: at('keys', 'masking.key'),
    edgeCertificate: at('keys', 'edge.crt'),
    edgeCertificateKey: at('keys', 'edge.pem'),
    spool: (producer: string) => at('spool', producer),
    bus: at('bus', 'bus.sqlite'),
    ledger: at('ledger'),
    index: at('index'),
    reports: at('reports'),
    recordedConfig: at('recorded-config.json'),
    /** What was told of the code at a target. */
    toldCode: (target: string) => at('told-code', `${target}.json`),
  } as const
}
