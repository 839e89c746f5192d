import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { JWTPayload } from 'jose'

import {
  ClaimsError,
  actorOfClaims,
} from '../../../../../services/edge/guard/identity/actor-of-claims.ts'
import type { ClaimsMapping } from '../../../../../services/edge/guard/identity/actor-of-claims.ts'

const mapping = {
  groupsClaim: 'groups',
  nameClaim: 'name',
  agents: ['shop-agent', 'planner'],
  services: ['nightly-job'],
}
const iss = 'https://issuer.example'

function summary(claims: JWTPayload, by: ClaimsMapping = mapping): string {
  const actor = actorOfClaims(claims, by)
  const chain = actor.on_behalf_of.map((each) => `${each.kind} ${each.subject}`)
  return [`${actor.kind} ${actor.subject}`, ...chain].join(' for ')
}

const cases: readonly [string, JWTPayload, string][] = [
  ['a service is known by its subject', { iss, sub: 'nightly-job' }, 'service nightly-job'],
  [
    'a client that is its own subject is no person, named or not',
    { iss, sub: 'unknown-job', client_id: 'unknown-job' },
    'service unknown-job',
  ],
  ['nor where the client stands in azp', { iss, sub: 'job', azp: 'job' }, 'service job'],
  [
    'a person who signs in through a client is one',
    { iss, sub: 'olivia', client_id: 'cli', azp: 'cli' },
    'human olivia',
  ],
  ['a person is who acts', { iss, sub: 'olivia' }, 'human olivia'],
  ["an agent's own token names nobody else", { iss, sub: 'shop-agent' }, 'agent shop-agent'],
  [
    'an agent acts for the person of the token',
    { iss, sub: 'olivia', act: { sub: 'shop-agent' } },
    'agent shop-agent for human olivia',
  ],
  [
    'earlier actors follow the person, the earliest first',
    { iss, sub: 'olivia', act: { sub: 'shop-agent', act: { sub: 'planner' } } },
    'agent shop-agent for human olivia for agent planner',
  ],
]

for (const [name, claims, expected] of cases) {
  test(name, () => {
    assert.equal(summary(claims), expected)
  })
}

const byClaims = {
  ...mapping,
  agents: [
    'planner',
    { claim: 'client_id', is: 'clerk', startsWith: null },
    { claim: 'realm.groups', is: 'bots', startsWith: null },
  ],
  services: [
    { claim: 'preferred_username', is: null, startsWith: 'service-account-' },
    { claim: 'workload', is: null, startsWith: null },
  ],
}
const accountOf = (client: string): JWTPayload => ({
  preferred_username: `service-account-${client}`,
  client_id: client,
})

for (const [name, claims, expected] of [
  ['a claim that begins as said tells of a service', accountOf('job'), 'service s'],
  ['what tells of an agent comes first', accountOf('clerk'), 'agent s'],
  ['one group of many is enough', { realm: { groups: ['all', 'bots'] } }, 'agent s'],
  ['a claim that is only to be there may hold anything', { workload: { id: 1 } }, 'service s'],
  ['one that holds nothing is not there', { workload: null }, 'human s'],
  ['a name that only holds the text is another', { preferred_username: 'a-service-account-' }],
  ['a claim is a text as a whole', { client_id: 'clerk2' }],
  ['what is no text is none', { client_id: { is: 'clerk' }, preferred_username: 7 }],
  ['nobody is known by a claim that is not there', {}],
  [
    'the client that asked for an exchanged token is not its subject',
    { client_id: 'clerk', azp: 'clerk', act: { sub: 'planner' } },
    'agent planner for human s',
  ],
  [
    'what a token says of its subject says nothing of who acts',
    { ...accountOf('job'), act: { sub: 'olivia' } },
    'human olivia for service s',
  ],
  [
    'an actor is known by claims of its own',
    { act: { sub: 'uuid', ...accountOf('clerk') } },
    'agent uuid for human s',
  ],
] as const satisfies readonly (readonly [string, JWTPayload, string?])[]) {
  test(name, () => {
    assert.equal(summary({ iss, sub: 's', ...claims }, byClaims), expected ?? 'human s')
  })
}

test('names of claims are paths where no claim is called so', () => {
  const paths = { ...mapping, groupsClaim: 'realm_access.roles', nameClaim: 'profile.name' }
  const claims = {
    iss,
    sub: 'olivia',
    realm_access: { roles: ['ops'] },
    profile: { name: 'Olivia' },
  }
  assert.deepEqual(actorOfClaims(claims, paths).groups, ['ops'])
  assert.equal(actorOfClaims(claims, paths).display, 'Olivia')
  const whole = { ...claims, 'realm_access.roles': ['dba'] }
  assert.deepEqual(actorOfClaims(whole, paths).groups, ['dba'])
  assert.deepEqual(actorOfClaims({ iss, sub: 'olivia', realm_access: 'ops' }, paths).groups, [])
  const prototype = { ...mapping, groupsClaim: '__proto__.constructor' }
  assert.deepEqual(actorOfClaims(claims, prototype).groups, [])
})

test('groups and display name come from the claims', () => {
  const actor = actorOfClaims({ iss, sub: 'olivia', name: 'Olivia', groups: ['ops', 7] }, mapping)
  assert.equal(actor.display, 'Olivia')
  assert.deepEqual(actor.groups, ['ops'])
})

test('groups that stand there in another way are taken, or the token is not', () => {
  const of = (claims: JWTPayload) => actorOfClaims({ iss, sub: 'olivia', ...claims }, mapping)
  assert.deepEqual(of({ groups: 'contractors' }).groups, ['contractors'])
  assert.deepEqual(of({ groups: null }).groups, [])
  assert.deepEqual(of({ groups: [], _claim_names: { groups: 'a' } }).groups, [])
  assert.deepEqual(of({ _claim_names: { other: 'a' } }).groups, [])
  for (const claims of [
    { groups: { contractors: true } },
    { groups: 7 },
    { groups: '' },
    { _claim_names: { groups: 'a' }, _claim_sources: { a: { endpoint: 'https://x.example' } } },
  ]) {
    assert.throws(() => of(claims), ClaimsError, JSON.stringify(claims))
  }
})

test('claims that name nobody are refused', () => {
  assert.throws(() => actorOfClaims({ iss }, mapping), ClaimsError)
  assert.throws(() => actorOfClaims({ sub: 'olivia' }, mapping), ClaimsError)
  assert.throws(
    () => actorOfClaims({ iss, sub: 'olivia', act: 'shop-agent' }, mapping),
    ClaimsError,
  )
  assert.throws(() => actorOfClaims({ iss, sub: 'olivia', act: {} }, mapping), ClaimsError)
})

test('a name that is empty, or no text, names nobody', () => {
  // The types of `jose` say text; it checks no more than that the claim is there.
  for (const name of ['', 7, {}, ['olivia'], null] as unknown as readonly string[]) {
    assert.throws(() => actorOfClaims({ iss, sub: name }, mapping), ClaimsError)
    assert.throws(() => actorOfClaims({ iss: name, sub: 'olivia' }, mapping), ClaimsError)
    assert.throws(
      () => actorOfClaims({ iss, sub: 'olivia', act: { sub: name } }, mapping),
      ClaimsError,
    )
    const act = { sub: 'shop-agent', iss: name }
    assert.throws(() => actorOfClaims({ iss, sub: 'olivia', act }, mapping), ClaimsError)
  }
})

test('a chain without end is refused', () => {
  let act: Record<string, unknown> = { sub: 'planner' }
  for (let depth = 0; depth < 20; depth += 1) act = { sub: 'planner', act }
  assert.throws(() => actorOfClaims({ iss, sub: 'olivia', act }, mapping), /nested too deep/)
})
