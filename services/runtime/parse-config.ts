import { dirname, resolve } from 'node:path'

import { validate as isCronExpression } from 'node-cron'

import type { ConfigFile } from '../../schemas/config.ts'
import { roleConflicts } from '../../schemas/roles.ts'
import schema from '../../schemas/config.schema.json' with { type: 'json' }
import { compileSchema, inOrder, parseYamlDocument } from '../../schemas/validated-document.ts'
import type { Located, ParsedDocument, Problem } from '../../schemas/validated-document.ts'
import { defaultApiPort, edgeConfig, replicationOf, wholeConfig } from './config-defaults.ts'
import type { WholeFile } from './config-defaults.ts'
import type { Config, EdgeConfig } from './config.ts'

export type ConfigResult<T> =
  | { readonly ok: true; readonly config: T }
  | { readonly ok: false; readonly problems: readonly Problem[] }

/**
 * Reads the configuration of a deployment and reports everything that is wrong with it at once. `file` is its path, for messages and
 * relative paths.
 */
export function parseConfig(text: string, file: string): ConfigResult<Config> {
  const document = read(text, file, ['identity', 'ledger', 'policy'])
  if (!document.ok) return document
  return { ok: true, config: wholeConfig(document.value as WholeFile, resolve(dirname(file))) }
}

/** The same file as an edge of its own reads it: it needs `control`, and nothing of what only the services use. */
export function parseEdgeConfig(text: string, file: string): ConfigResult<EdgeConfig> {
  const document = read(text, file, ['control'])
  if (!document.ok) return document
  return { ok: true, config: edgeConfig(document.value, resolve(dirname(file))) }
}

type Needed = 'identity' | 'ledger' | 'policy' | 'control'

const validator = compileSchema<ConfigFile>(schema)

function read(text: string, file: string, needed: readonly Needed[]): ParsedDocument<ConfigFile> {
  const document = parseYamlDocument(text, file, validator)
  const missing = (located: Located<unknown> | null): readonly Problem[] =>
    needed
      .filter((name) => isMap(located?.value) && located.value[name] === undefined)
      .flatMap((name) => located?.at([name], `is required but missing${hint(name)}`) ?? [])
  if (!document.ok) {
    const problems = inOrder([...missing(document.document), ...document.problems])
    return { ...document, problems }
  }
  const problems = inOrder([...missing(document), ...contradictions(document)])
  return problems.length > 0 ? { ok: false, problems, document } : document
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function hint(name: Needed): string {
  return ` (${schema.properties[name].description.replace(/\.$/, '')})`
}

function contradictions(document: Located<ConfigFile>): readonly Problem[] {
  const { value } = document
  const problems: Problem[] = []
  const names = new Set<string>()
  const ports = new Map<number, string>([[value.api?.port ?? defaultApiPort, 'the api']])
  const take = (port: number, by: string, path: readonly (string | number)[]): void => {
    const other = ports.get(port)
    if (other !== undefined) problems.push(document.at(path, `port ${port} is taken by ${other}`))
    ports.set(port, by)
  }
  const healthPort = value.edge?.health_port
  if (healthPort !== undefined) take(healthPort, "the edge's health", ['edge', 'health_port'])
  value.targets.forEach((target, index) => {
    if (names.has(target.name)) {
      problems.push(
        document.at(['targets', index, 'name'], `another target is called ${target.name} already`),
      )
    }
    names.add(target.name)
    take(target.port, `target ${target.name}`, ['targets', index, 'port'])
    if (portOf(target.address) > 65_535) {
      problems.push(document.at(['targets', index, 'address'], 'expected a port up to 65535'))
    }
    if (target.token_passwords === true) {
      const need = (missing: string, why: string): void => {
        problems.push(
          document.at(['targets', index, 'token_passwords'], `needs ${missing}, ${why}`),
        )
      }
      if (target.audience === undefined) need('audience', 'whom such a token must be for')
      if (value.identity === undefined) need('identity', 'whose tokens are taken')
    }
    const tls = target.tls
    if (tls !== undefined && tls.mode !== 'disable' && tls.ca_file === undefined) {
      problems.push(document.at(['targets', index, 'tls'], `mode ${tls.mode} needs ca_file`))
    }
  })
  for (const kind of ['agents', 'services'] as const) {
    value.identity?.[kind]?.forEach((each, index) => {
      if (typeof each === 'string' || each.is === undefined || each.starts_with === undefined)
        return
      const path = ['identity', kind, index, 'starts_with']
      problems.push(document.at(path, 'expected one of is and starts_with, not both'))
    })
  }
  const roles = value.identity?.roles ?? {}
  for (const [one, other] of roleConflicts) {
    const both = roles[one]?.find((group) => roles[other]?.includes(group) === true)
    if (both === undefined) continue
    problems.push(
      document.at(
        ['identity', 'roles', other],
        `the group ${both} is ${one} already, and nobody may be both`,
      ),
    )
  }
  value.bus?.kafka?.brokers.forEach((broker, index) => {
    if (portOf(broker) > 65_535) {
      problems.push(document.at(['bus', 'kafka', 'brokers', index], 'expected a port up to 65535'))
    }
  })
  const { replication, minInsyncReplicas: inSync } = replicationOf(value.bus?.kafka)
  if (inSync > replication) {
    problems.push(
      document.at(
        ['bus', 'kafka', 'min_insync_replicas'],
        `${inSync} copies in sync can never be had of ${replication}`,
      ),
    )
  }
  value.reports?.forEach((report, index) => {
    // The library knows seconds and names such as @daily as well.
    const hasFive = report.schedule.trim().split(/\s+/).length === 5
    if (!hasFive || !isCronExpression(report.schedule)) {
      problems.push(
        document.at(
          ['reports', index, 'schedule'],
          'expected five cron fields, such as "0 6 1 * *" for 06:00 on the first of the month',
        ),
      )
    }
  })
  const webhooks = new Set<string>()
  value.webhooks?.forEach(({ name, url }, index) => {
    if (webhooks.has(name)) {
      problems.push(document.at(['webhooks', index, 'name'], `another webhook is called ${name}`))
    }
    webhooks.add(name)
    if (!isSafeUrl(url)) {
      const message = 'expected an https: address (http: only on this machine), without a password'
      problems.push(document.at(['webhooks', index, 'url'], message))
    }
  })
  return problems
}

function isSafeUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, username, password } = new URL(text)
  if (username !== '' || password !== '') return false
  return (
    protocol === 'https:' || (protocol === 'http:' && /^(127\.|localhost$|\[::1\]$)/.test(hostname))
  )
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1))
}
