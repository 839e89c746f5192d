import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'

import { DatabaseError } from 'pg'
import type { Client } from 'pg'

import type { Person } from '../../services/all-in-one/demo/issuer/people.ts'
import type { Deployment } from './deployment.ts'

/** An approval as the api shows it. */
export interface ShownApproval {
  readonly approval_id: string
  readonly state: string
  readonly statement: string
  readonly binding_sha256: string
  readonly requester: { readonly subject: string }
  readonly parameters: readonly { readonly value: string | null }[]
  readonly missing: readonly { readonly role: string; readonly count: number }[]
}

/** The rule that lets people read everything and write the deployment's table; others hold some of it. */
export const peopleCount = `
  - id: people-count
    targets: ['*']
    actors: { kinds: [human] }
    statements: [read, insert, update, delete, transaction, session]
    relations: { read: ['*'], write: [public.numbers] }
    outcome: allow`

export function aPerson(username: string, name: string, groups: readonly string[]): Person {
  return { username, name, email: `${username}@shop.example`, groups }
}

/** What became of it: `run`, or what the client was told instead by a policy. */
export async function tried(
  client: Client,
  text: string,
  values: readonly unknown[] = [],
): Promise<string> {
  try {
    await client.query(text, [...values])
    return 'run'
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.code !== '42501') throw error
    return error.message
  }
}

/** Asks until the edge has heard of the answer that lets it run. */
export async function runsSoon(
  client: Client,
  text: string,
  values: readonly unknown[] = [],
): Promise<void> {
  for (;;) {
    const told = await tried(client, text, values)
    if (told === 'run') return
    assert.match(told, /^held for approval/)
    await pause(50)
  }
}

/** The id of the approval that a client was told of. */
export function approvalIdIn(message: string): string {
  const id = /held for approval ([0-9a-f-]{36})/.exec(message)?.[1]
  assert.ok(id !== undefined, message)
  return id
}

/** An approval, as soon as what was asked is sealed and found. Nia may see them all. */
export async function approvalOf(deployment: Deployment, id: string): Promise<ShownApproval> {
  for (;;) {
    const response = await deployment.call('nia', `/v1/approvals/${id}`)
    if (response.ok) return (await response.json()) as ShownApproval
    await pause(200)
  }
}

export function answerTo(
  deployment: Deployment,
  { approval_id: id, binding_sha256 }: ShownApproval,
  username: string,
  verdict: 'grant' | 'deny',
): Promise<Response> {
  const reason = 'looked at it'
  return deployment.call(username, `/v1/approvals/${id}/answers`, {
    verdict,
    reason,
    binding_sha256,
  })
}

/** The api says no to this person, and why. */
export async function assertForbidden(response: Response, why: RegExp): Promise<void> {
  const { detail } = (await response.json()) as { readonly detail: string }
  assert.equal(response.status, 403, detail)
  assert.match(detail, why)
}

/** What is in the deployment's table. */
export async function numbersOf(deployment: Deployment): Promise<readonly number[]> {
  const rows = await deployment.askTarget<{ n: string }>('SELECT n FROM numbers ORDER BY n')
  return rows.map(({ n }) => Number(n))
}
