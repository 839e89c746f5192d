import assert from 'node:assert/strict'
import { after } from 'node:test'

import { schemas } from '../../schemas/codec.ts'
import { registryContract } from '../contracts/registry.ts'
import type { RegistryUnderTest } from '../contracts/registry.ts'
import { missing } from '../support/engine.ts'
import { startRegistry } from './registry.ts'
import type { RegistryEngine } from './registry.ts'

/** The contract that ours keeps, asked of a registry that we did not write: so the contract is not our own idea of it. */

const subjects = ['audit.events-value', 'ledger.sealed-value'] as const

let starting: Promise<RegistryEngine | null> | undefined
let registering: Promise<readonly number[]> | undefined
after(async () => (await starting)?.[Symbol.asyncDispose]())

registryContract('one that is not ours', async (t): Promise<RegistryUnderTest | null> => {
  const engine = await (starting ??= startRegistry(t))
  if (engine === null) return missing(t, 'Apicurio')
  registering ??= registerAll(engine.url)
  return { url: engine.url, subjects, ids: await registering }
})

async function registerAll(url: string): Promise<readonly number[]> {
  const [first, second] = subjects
  const ids = await register(url, first)
  // The same schema under another subject has the same id.
  assert.deepEqual(await register(url, second), ids)
  return ids
}

async function register(url: string, subject: string): Promise<readonly number[]> {
  const call = async (method: string, path: string, body: object): Promise<unknown> => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
      body: JSON.stringify(body),
    })
    assert.ok(response.ok, `${method} ${path}: ${response.status}`)
    return response.json()
  }
  await call('PUT', `/config/${subject}`, { compatibility: 'FULL_TRANSITIVE' })
  const ids: number[] = []
  for (const schema of schemas.values()) {
    const body = { schema: JSON.stringify(schema) }
    const { id } = (await call('POST', `/subjects/${subject}/versions`, body)) as { id: number }
    ids.push(id)
  }
  return ids
}
