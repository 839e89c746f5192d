import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parse } from 'yaml'

import { IndexNames } from '../../services/indexer/adapters/opensearch/index-names.ts'

const names = new IndexNames('audit-events')
const entries = names.entriesIndex(3, 'ledger.example.com/prod/audit.events/p03/2026q4', 41_000_000)
const immutable = [entries, names.deadLetters]
const mutable = [names.state, names.statementsIndex(3), names.sessionsIndex(3)]
const aliases = [names.entries, names.statements, names.sessions]

interface Role {
  readonly cluster_permissions: readonly string[]
  readonly index_permissions: readonly {
    readonly index_patterns: readonly string[]
    readonly allowed_actions: readonly string[]
    readonly fls?: readonly string[]
  }[]
}

function read(file: string): unknown {
  const text = readFileSync(new URL(`../../deploy/opensearch/${file}`, import.meta.url), 'utf8')
  return file.endsWith('.json') ? JSON.parse(text) : parse(text)
}

function matches(patterns: readonly string[], index: string): boolean {
  return patterns.some((pattern) =>
    new RegExp(`^${pattern.replaceAll('.', '[.]').replaceAll('*', '.*')}$`).test(index),
  )
}

function actionsOn(role: Role | undefined, index: string): readonly string[] {
  const permissions = role?.index_permissions ?? []
  return permissions
    .filter(({ index_patterns }) => matches(index_patterns, index))
    .flatMap(({ allowed_actions }) => allowed_actions)
}

test('entries and dead letters are immutable, what is made of them is not', () => {
  const settings = read('opensearch.yml') as Record<string, readonly string[]>
  const patterns = settings['plugins.security.compliance.immutable_indices'] ?? []
  assert.deepEqual(
    [...immutable, ...mutable].filter((index) => matches(patterns, index)),
    immutable,
  )
})

test('the indexer may write every index it uses, and delete none but those of a generation', () => {
  const role = (read('roles.yml') as Record<string, Role>)['affidavit_indexer']
  for (const index of [...immutable, ...mutable, ...aliases]) {
    const actions = actionsOn(role, index)
    assert.ok(actions.includes('crud') && actions.includes('create_index'), index)
    const isOfGeneration = names.generationOf(index) !== null
    assert.equal(actions.includes('indices:admin/delete'), isOfGeneration, index)
  }
})

test('who only reads may only read, and the observer no statement', () => {
  const roles = read('roles.yml') as Record<string, Role>
  for (const name of ['affidavit_api', 'affidavit_analyst', 'affidavit_observer']) {
    const role = roles[name]
    assert.deepEqual(role?.cluster_permissions, ['cluster_composite_ops_ro'], name)
    for (const index of [entries, ...aliases]) {
      assert.deepEqual(actionsOn(role, index), ['read'], `${name} on ${index}`)
    }
  }
  assert.deepEqual(actionsOn(roles['affidavit_api'], names.state), ['read'])
  const hidden = roles['affidavit_observer']?.index_permissions.flatMap(({ fls }) => fls ?? [])
  assert.deepEqual(hidden, [
    '~statement',
    '~names',
    '~words',
    '~document',
    '~context',
    '~parts',
    '~end',
  ])
  const mapped = Object.keys(read('roles_mapping.yml') as object)
  assert.deepEqual(mapped, Object.keys(roles))
})

test('no entry is deleted by its age', () => {
  const { policy } = read('ism-policy.json') as {
    policy: {
      default_state: string
      states: {
        name: string
        actions: Record<string, unknown>[]
        transitions: { state_name: string }[]
      }[]
      ism_template: { index_patterns: string[] }[]
    }
  }
  const states = policy.states.map(({ name }) => name)
  assert.ok(states.includes(policy.default_state))
  for (const { actions, transitions } of policy.states) {
    for (const { state_name } of transitions) assert.ok(states.includes(state_name))
    for (const action of actions) assert.equal(action['delete'], undefined)
  }
  const patterns = policy.ism_template.flatMap(({ index_patterns }) => index_patterns)
  assert.deepEqual(
    [...immutable, ...mutable].filter((index) => matches(patterns, index)),
    [entries],
  )
})
