import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

import type { EmbeddedPostgres } from './database/embedded-postgres.ts'
import type { Issuer } from './issuer/issuer.ts'
import { heldRole, sampleDatabase } from './sample/sample-data.ts'

/** The ports of the demo, counted from one. */
export interface DemoPorts {
  readonly api: number
  readonly issuer: number
  readonly edge: number
  readonly postgres: number
}

export function demoPorts(base: number): DemoPorts {
  return { api: base, issuer: base + 1, edge: base + 2, postgres: base + 3 }
}

export const demoTarget = 'shop'

export interface DemoFilesOptions {
  readonly directory: string
  readonly ports: DemoPorts
  readonly issuer: Issuer
  readonly postgres: EmbeddedPostgres
  /** Holds the password of the held role. */
  readonly heldPasswordFile: string
}

/** Writes the demo's configuration, and its policy and classification where there are none: what somebody changed in them stays. */
export function writeDemoFiles(options: DemoFilesOptions): { readonly configFile: string } {
  const { directory } = options
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  for (const [name, source] of [
    ['policy.yaml', './demo-policy.yaml'],
    [classificationFile, './demo-classification.yaml'],
  ] as const) {
    const file = join(directory, name)
    // Not as a copy: an installed file may be read-only.
    if (!existsSync(file)) writeFileSync(file, readFileSync(new URL(source, import.meta.url)))
  }
  const configFile = join(directory, 'affidavit.yaml')
  writeFileSync(configFile, configText(options))
  return { configFile }
}

const classificationFile = 'shop.classification.yaml'

// Written anew at each start: ports may have changed. JSON strings are YAML strings.
function configText({
  directory,
  ports,
  issuer,
  postgres,
  heldPasswordFile,
}: DemoFilesOptions): string {
  const text = (value: string): string => JSON.stringify(value)
  return `# Written by affidavit demo at each start; your own deployment begins with affidavit init.
version: 1
tenant: demo
data: ${text(resolve(directory))}
api:
  port: ${ports.api}
identity:
  issuer: ${text(issuer.url)}
  agents: [${text(issuer.clients.agent.clientId)}]
  roles: { operator: [platform], analyst: [security], approver: [approvers], policy_author: [policy], auditor: [auditors] }
  console:
    client_id: ${text(issuer.clients.console.clientId)}
    client_secret_file: ${text(issuer.clients.console.secretFile)}
  cli:
    client_id: ${text(issuer.clients.cli.clientId)}
edge:
  id: edge-1
  heartbeat_seconds: 2
ledger:
  operator: ledger.demo.example
  environment: demo
policy: policy.yaml
targets:
  - name: ${demoTarget}
    kind: postgres
    address: 127.0.0.1:${postgres.port}
    port: ${ports.edge}
    database: ${sampleDatabase}
    user: ${heldRole}
    classification: ${classificationFile}
    password_file: ${text(heldPasswordFile)}
    audience: http://127.0.0.1:${ports.api}
    token_passwords: true
    tls:
      mode: verify-full
      ca_file: ${text(postgres.caFile)}
reports:
  - control: au-2
    schedule: '0 6 1 * *'
    period: month
    parameters:
      au-02_odp.01: all event types of this release
      au-02_odp.02: all event types of this release
      au-02_odp.03: each occurrence
      au-02_odp.04: annually
      au-08_odp: one second
      au-12_odp.01: edge-1, api, reporter and ledger
      au-12_odp.02: the operations group
      heartbeat: 30 seconds
`
}
