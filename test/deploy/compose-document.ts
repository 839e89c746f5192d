import { readFileSync } from 'node:fs'

import { parse } from 'yaml'

/** The parts of docker-compose.yml that tests look at, in the spellings that the file uses. */
export interface ComposeService {
  readonly image: string
  readonly build?: { readonly dockerfile: string; readonly target: string }
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly networks?: readonly string[] | Readonly<Record<string, unknown>>
  readonly network_mode?: string
  readonly restart?: string
  readonly healthcheck?: { readonly test?: unknown; readonly disable?: boolean }
  readonly read_only?: boolean
  readonly cap_drop?: readonly string[]
  readonly profiles?: readonly string[]
}

export interface ComposeDocument {
  readonly services: Readonly<Record<string, ComposeService>>
  readonly networks: Readonly<Record<string, { readonly internal?: boolean } | null>>
  readonly volumes: Readonly<Record<string, unknown>>
}

export const composeFile = new URL('../../docker-compose.yml', import.meta.url)

export function readCompose(): ComposeDocument {
  return parse(readFileSync(composeFile, 'utf8'), { merge: true }) as ComposeDocument
}

export function networksOf(service: ComposeService): readonly string[] {
  const networks = service.networks ?? []
  return Array.isArray(networks) ? (networks as readonly string[]) : Object.keys(networks)
}
