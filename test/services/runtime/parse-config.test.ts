import assert from 'node:assert/strict'
import { test } from 'node:test'

import { parseConfig, parseEdgeConfig } from '../../../services/runtime/parse-config.ts'
import { formatProblem } from '../../../schemas/validated-document.ts'

const good = `version: 1
tenant: demo
data: data
identity:
  issuer: https://issuer.example
  console: { client_id: console }
ledger: { operator: ledger.example.com, environment: test }
policy: policy.yaml
targets:
  - name: shop
    kind: postgres
    address: 127.0.0.1:5432
    port: 21402
    database: shop
    user: held
    password_file: held.password
`

function problemsOf(text: string): string[] {
  const result = parseConfig(text, '/etc/affidavit.yaml')
  return result.ok ? [] : result.problems.map(formatProblem)
}

test('defaults are filled in and paths are taken from the file', () => {
  const result = parseConfig(good, '/etc/affidavit/affidavit.yaml')
  assert.ok(result.ok)
  const { config } = result
  assert.equal(config.dataDirectory, '/etc/affidavit/data')
  assert.equal(config.policyFile, '/etc/affidavit/policy.yaml')
  assert.equal(config.listen, '127.0.0.1')
  assert.equal(config.api.publicUrl, 'http://127.0.0.1:21400')
  assert.equal(config.identity.audience, 'http://127.0.0.1:21400')
  const [target] = config.targets
  assert.equal(target?.host, '127.0.0.1')
  assert.equal(target.hostPort, 5432)
  assert.equal(target.passwordFile, '/etc/affidavit/held.password')
  assert.equal(target.durability, 'batched')
  assert.equal(target.onAuditFailure, 'refuse')
})

test('an IPv6 address of a target loses its brackets', () => {
  const result = parseConfig(good.replace('127.0.0.1:5432', '"[::1]:5432"'), '/etc/a.yaml')
  assert.ok(result.ok)
  assert.equal(result.config.targets[0]?.host, '::1')
  assert.equal(result.config.targets[0].hostPort, 5432)
})

test('every mistake is reported at once, each with its line', () => {
  const problems = problemsOf(
    good
      .replace('version: 1', 'version: 2')
      .replace('kind: postgres', 'kind: oracle')
      .replace('port: 21402', 'port: 0')
      .replace('tenant: demo', 'tenent: demo'),
  )
  assert.match(problems.join('\n'), /a.*yaml:1:\d+ version: expected 1, found 2/)
  assert.match(problems.join('\n'), /:2:\d+ tenent: unknown property/)
  assert.match(problems.join('\n'), /tenant: is required but missing/)
  assert.match(
    problems.join('\n'),
    /:11:\d+ targets\[0\]\.kind: expected one of postgres, found "oracle"/,
  )
  assert.match(problems.join('\n'), /:13:\d+ targets\[0\]\.port: expected a number >= 1, found 0/)
})

test('a webhook has a name of its own and an address that nobody listens in on', () => {
  const webhook = (name: string, url: string): string =>
    `  - { name: ${name}, url: "${url}", secret_file: hook.secret }\n`
  const problems = problemsOf(
    `${good}webhooks:\n${webhook('chat', 'https://chat.example/hook')}${webhook('chat', 'http://[::1]:9/')}` +
      webhook('one', 'http://chat.example/hook') +
      webhook('two', 'https://me:secret@chat.example/hook') +
      webhook('three', 'chat.example'),
  ).join('\n')
  assert.match(problems, /webhooks\[1\]\.name: another webhook is called chat/)
  assert.doesNotMatch(problems, /webhooks\[[01]\]\.url/)
  for (const index of [2, 3, 4]) {
    assert.ok(problems.includes(`webhooks[${index}].url: expected an https: address`), problems)
  }
  assert.doesNotMatch(problems, /me:secret/)
})

test('contradictions are reported where they stand', () => {
  const second = good.slice(good.indexOf('  - name: shop'))
  const problems = problemsOf(
    `${good}${second.replace('database: shop', 'database: shop\n    tls: { mode: verify-full }')}reports:\n  - { control: au-2, schedule: "every day" }\n`,
  )
  assert.match(problems.join('\n'), /targets\[1\]\.name: another target is called shop already/)
  assert.match(problems.join('\n'), /targets\[1\]\.port: port 21402 is taken by target shop/)
  assert.match(problems.join('\n'), /targets\[1\]\.tls: mode verify-full needs ca_file/)
  assert.match(problems.join('\n'), /reports\[0\]\.schedule: expected five cron fields/)
})

test('a schedule has five fields: none of seconds, and no name in their place', () => {
  const reports = ['*/5 0 6 1 * *', '@monthly ', '0 6 1 * *'].map(
    (schedule) => `  - { control: au-2, schedule: "${schedule}" }\n`,
  )
  const problems = problemsOf(`${good}reports:\n${reports.join('')}`).join('\n')
  for (const index of [0, 1]) {
    assert.ok(problems.includes(`reports[${index}].schedule: expected five cron fields`), problems)
  }
  assert.doesNotMatch(problems, /reports\[2\]/)
})

test('text that is no YAML is reported with its place', () => {
  assert.match(problemsOf('version: [1\n')[0] ?? '', /affidavit\.yaml:\d+:\d+ /)
})

const edgeAlone = `version: 1
tenant: demo
data: data
edge: { tls: { certificate_file: edge.crt, key_file: edge.pem }, health_port: 21480 }
control: { vkey_file: api.vkey }
bus:
  kind: kafka
  partitions: 6
  kafka:
    brokers: ["kafka-1:9092"]
    tls: {}
    sasl: { mechanism: scram-sha-512, username: edge, password_file: kafka.password }
${good.slice(good.indexOf('targets:'))}`

test('an edge of its own is told less, and needs the key of the api', () => {
  const result = parseEdgeConfig(edgeAlone, '/etc/affidavit/edge.yaml')
  assert.ok(result.ok, JSON.stringify(result))
  const { config } = result
  assert.equal(config.controlVkeyFile, '/etc/affidavit/api.vkey')
  assert.equal(config.edge.certificate?.keyFile, '/etc/affidavit/edge.pem')
  assert.equal(config.edge.publicHost, '127.0.0.1')
  assert.deepEqual(config.bus.kafka, {
    brokers: ['kafka-1:9092'],
    tls: { caFile: null, certificateFile: null, keyFile: null },
    sasl: {
      mechanism: 'scram-sha-512',
      username: 'edge',
      passwordFile: '/etc/affidavit/kafka.password',
    },
    createTopics: false,
    replication: 3,
    minInsyncReplicas: 2,
  })
  assert.match(problemsOf(edgeAlone).join('\n'), /identity: is required but missing \(Who signs/)
  assert.match(problemsOf(edgeAlone).join('\n'), /ledger: is required but missing/)
  const services = parseEdgeConfig(good, '/etc/affidavit.yaml')
  assert.ok(!services.ok)
  assert.match(services.problems.map(formatProblem).join('\n'), /control: is required but missing/)
})

test('Kafka and OpenSearch are said where they are chosen', () => {
  const problems = problemsOf(`${good}bus: { kind: kafka }\nsearch: { kind: opensearch }\n`)
  assert.match(problems.join('\n'), /bus\.kafka: is required but missing/)
  assert.match(problems.join('\n'), /search\.opensearch: is required but missing/)
  const impossible = problemsOf(
    `${good}bus:\n  kind: kafka\n  kafka: { brokers: ["k:99999"], replication: 1, min_insync_replicas: 2 }\n`,
  )
  assert.match(impossible.join('\n'), /brokers\[0\]: expected a port up to 65535/)
  assert.match(impossible.join('\n'), /min_insync_replicas: 2 copies in sync can never be had of 1/)
})

test('OpenSearch has its defaults', () => {
  const result = parseConfig(
    `${good}search:\n  kind: opensearch\n  opensearch: { nodes: ["https://search:9200"] }\n`,
    '/etc/affidavit.yaml',
  )
  assert.ok(result.ok)
  assert.deepEqual(result.config.search.opensearch, {
    nodes: ['https://search:9200'],
    username: null,
    passwordFile: null,
    caFile: null,
    prefix: 'audit-events',
  })
})

test('roles come by groups, and no group has two that conflict', () => {
  const withRoles = (roles: string): string =>
    good.replace('  console:', `  roles: ${roles}\n  console:`)
  const result = parseConfig(
    withRoles('{ analyst: [security], approver: [leads] }'),
    '/etc/affidavit.yaml',
  )
  assert.ok(result.ok)
  assert.deepEqual(result.config.identity.roles, {
    operator: [],
    analyst: ['security'],
    approver: ['leads'],
    policy_author: [],
    auditor: [],
  })
  const problems = problemsOf(withRoles('{ approver: [leads, all], policy_author: [all] }'))
  assert.match(
    problems.join('\n'),
    /identity\.roles\.policy_author: the group all is approver already, and nobody may be both/,
  )
})

test('agents and services are known by subject, or by a claim', () => {
  const withAgents = (agents: string): string =>
    good.replace('identity:\n', `identity:\n  agents: ${agents}\n`)
  const result = parseConfig(
    withAgents('[planner, { claim: groups, is: bots }, { claim: a.b, starts_with: svc- }]'),
    '/etc/affidavit.yaml',
  )
  assert.deepEqual(result.ok ? result.config.identity.agents : result.problems, [
    'planner',
    { claim: 'groups', is: 'bots', startsWith: null },
    { claim: 'a.b', is: null, startsWith: 'svc-' },
  ])
  const line = good.split('\n').indexOf('identity:') + 2
  const problemsOfOne = (agent: string): readonly string[] => problemsOf(withAgents(`[${agent}]`))
  for (const [agent, problem] of [
    ['7', /identity\.agents\[0\]: expected a text or a map, found 7/],
    ['{ is: planner }', /identity\.agents\[0\]\.claim: is required but missing/],
    ['{ claim: sub, equals: x }', /agents\[0\]\.equals: unknown property; expected one of claim/],
    ['{ claim: sub, is: "" }', /agents\[0\]\.is: expected a text that is not empty/],
    ['{ claim: sub, is: a, starts_with: b }', /agents\[0\]\.starts_with: expected one of is and/],
  ] as const) {
    const [found, ...more] = problemsOfOne(agent)
    assert.match(found ?? '', problem)
    assert.ok(found?.startsWith(`/etc/affidavit.yaml:${line}:`), found)
    assert.deepEqual(more, [])
  }
})

test('tokens as passwords need an audience of the target, and an issuer', () => {
  const asking = good.replace('    port: 21402', '    port: 21402\n    token_passwords: true')
  assert.deepEqual(problemsOf(asking), [
    '/etc/affidavit.yaml:14:5 targets[0].token_passwords: needs audience, whom such a token must be for',
  ])
  const edge = asking.replace(/identity:\n.*\n.*\n/, 'control: { vkey_file: api.vkey }\n')
  const result = parseEdgeConfig(edge, '/etc/affidavit.yaml')
  const problems = result.ok ? [] : result.problems.map(formatProblem)
  assert.match(problems.join('\n'), /token_passwords: needs identity, whose tokens are taken/)
  const whole = asking.replace('    port: 21402', '    port: 21402\n    audience: shop')
  assert.deepEqual(problemsOf(whole), [])
})
