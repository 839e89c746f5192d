import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { formatProblem } from '../../schemas/validated-document.ts'
import { makeDemoSecrets } from '../../services/all-in-one/demo/demo-secrets.ts'
import { loadClassification } from '../../services/edge/guard/masking/classification.ts'
import { loadPolicy } from '../../services/edge/guard/policy.ts'
import type { Config, EdgeConfig } from '../../services/runtime/config.ts'
import { parseConfig, parseEdgeConfig } from '../../services/runtime/parse-config.ts'
import type { ConfigResult } from '../../services/runtime/parse-config.ts'
import { readCompose } from './compose-document.ts'

function text(name: string): string {
  return readFileSync(new URL(`../../deploy/docker/${name}`, import.meta.url), 'utf8')
}

function accepted<T>(result: ConfigResult<T>): T {
  assert.ok(result.ok, result.ok ? '' : result.problems.map(formatProblem).join('\n'))
  return result.config
}

// Read as in the containers, where they are mounted at /etc/affidavit.
const services: Config = accepted(
  parseConfig(text('affidavit.yaml'), '/etc/affidavit/affidavit.yaml'),
)
const edge: EdgeConfig = accepted(parseEdgeConfig(text('edge.yaml'), '/etc/affidavit/edge.yaml'))

test('the services and the edge are told the same about what they share', () => {
  assert.equal(edge.tenant, services.tenant)
  assert.deepEqual(edge.bus.kafka?.brokers, services.bus.kafka?.brokers)
  assert.equal(edge.bus.partitions, services.bus.partitions)
  const known = ({ targets, edge: { publicHost } }: EdgeConfig) =>
    targets.map(({ name, port, database }) => ({ name, port, database, publicHost }))
  assert.deepEqual(known(edge), known(services))
})

test('only the services make topics', () => {
  assert.equal(services.bus.kafka?.createTopics, true)
  assert.equal(edge.bus.kafka?.createTopics, false)
})

test('they agree with docker-compose.yml on ports, addresses and mounts', () => {
  const compose = readCompose().services
  assert.deepEqual(compose['services']?.ports, [
    `127.0.0.1:${services.api.port}:${services.api.port}`,
  ])
  const [target] = edge.targets
  assert.deepEqual(compose['edge']?.ports, [`127.0.0.1:${target?.port}:${target?.port}`])
  assert.ok(compose['issuer']?.command?.includes(`--url=${services.identity.issuer}`))
  assert.ok(compose['issuer']?.command?.includes(`--api=${services.identity.audience}`))
  const dockerfile = text('Dockerfile')
  assert.match(dockerfile, new RegExp(`127\\.0\\.0\\.1:${services.api.port}/healthz`))
  assert.match(dockerfile, new RegExp(`127\\.0\\.0\\.1:${edge.edge.healthPort}/healthz`))
  assert.equal(edge.controlVkeyFile, '/public/api.vkey')
})

test('every secret they name is drawn at the first start, for the part that reads it', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'deploy-'))
  t.after(() => rm(directory, { recursive: true }))
  await makeDemoSecrets({ directory, edgeNames: ['edge'], shopNames: ['shop'], now: new Date() })
  const present = (part: string, file: string | null | undefined): void => {
    assert.ok(file?.startsWith('/secrets/') === true, `${file} is not in /secrets`)
    const made = join(directory, part, file.slice('/secrets/'.length))
    assert.ok(existsSync(made), `${file} of ${part} is not made`)
  }
  present('services', services.identity.console.clientSecretFile)
  present('services', services.edge.certificate?.certificateFile)
  present('edge', edge.edge.certificate?.certificateFile)
  present('edge', edge.edge.certificate?.keyFile)
  for (const target of edge.targets) {
    present('edge', target.passwordFile)
    present('edge', target.tls.caFile)
  }
})

test('the classification has no mistakes', () => {
  const loaded = loadClassification(text('shop.classification.yaml'), 'shop.classification.yaml')
  assert.ok(loaded.ok, loaded.ok ? '' : loaded.problems.map(formatProblem).join('\n'))
})

test('the policy has no mistakes', () => {
  const loaded = loadPolicy(text('policy.yaml'), 'policy.yaml')
  assert.ok(loaded.ok, loaded.ok ? '' : loaded.problems.map(formatProblem).join('\n'))
})
