import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { goProgram, run } from '../outsiders/verifier.ts'
import { composeFile, networksOf, readCompose } from './compose-document.ts'

const { services, networks, volumes } = readCompose()
const each = Object.entries(services)

function servicesOn(network: string): readonly string[] {
  return each
    .filter(([, service]) => networksOf(service).includes(network))
    .map(([name]) => name)
    .sort()
}

test('docker compose, or the library behind it, accepts the file, with and without its profiles', async (t) => {
  const hasDocker = spawnSync('docker', ['compose', 'version']).status === 0
  const file = fileURLToPath(composeFile)
  const reader = hasDocker ? null : await goProgram(t, 'compose-config')
  if (!hasDocker && reader === null) return
  for (const profiles of [[], ['agent', 'dashboards']]) {
    const named = profiles.flatMap((profile) => ['--profile', profile])
    const { code, stderr } =
      reader === null
        ? await run('docker', ['compose', '--file', file, ...named, 'config', '--quiet'])
        : await run(reader, [file, ...profiles])
    assert.equal(code, 0, stderr)
    assert.doesNotMatch(stderr, /warn/i)
  }
})

test('every published port is on the loopback address, and none is published twice', () => {
  const ports = each.flatMap(([, service]) => service.ports ?? [])
  assert.ok(ports.length > 0)
  for (const port of ports) assert.match(port, /^127\.0\.0\.1:\d+:\d+$/)
  assert.equal(new Set(ports).size, ports.length)
})

test('no secret is in the file', () => {
  for (const [name, { environment = {}, command = [] }] of each) {
    for (const variable of Object.keys(environment)) {
      if (!/password|secret|token|key/i.test(variable)) continue
      assert.match(variable, /_FILE$/, `${name} is given ${variable} itself`)
    }
    for (const part of command) {
      if (!/password|secret|token/i.test(part)) continue
      assert.match(part, /secrets\b|-file=\//, `${name} is told: ${part}`)
    }
  }
})

test('every image is named with a version', () => {
  for (const [, { image }] of each) assert.match(image, /^[a-z0-9/-]+:[\w.-]*\d[\w.-]*$/)
})

test('what lasts restarts and says how it is; what runs once does neither', () => {
  for (const [name, { restart, healthcheck, build }] of each) {
    if (restart === 'no') {
      assert.equal(healthcheck?.disable, true, name)
      continue
    }
    assert.equal(restart, 'unless-stopped', name)
    // The images of ours bring their own.
    assert.ok(healthcheck?.test !== undefined || build !== undefined, `${name} has no health check`)
    assert.notEqual(healthcheck?.disable, true, name)
  }
})

test('who does not need a part cannot reach it', () => {
  for (const name of ['bus', 'search', 'target']) {
    assert.equal(networks[name]?.internal, true, `the network ${name} leads outside`)
  }
  assert.deepEqual(servicesOn('target'), ['edge', 'shop', 'shop-rows'])
  assert.deepEqual(servicesOn('bus'), ['edge', 'kafka', 'services'])
  assert.deepEqual(servicesOn('search'), ['dashboards', 'opensearch', 'services'])
  for (const [name, service] of each) {
    assert.ok(networksOf(service).length > 0 || service.network_mode === 'none', name)
  }
})

test('the password of the shop is with the edge and the shop, and with nobody else', () => {
  const holders = (volume: string) =>
    each
      .filter(([, service]) => service.volumes?.some((mount) => mount.startsWith(`${volume}:`)))
      .map(([name]) => name)
      .sort()
  assert.deepEqual(holders('edge-secrets'), ['edge', 'edge-init', 'secrets'])
  assert.deepEqual(holders('shop-secrets'), ['secrets', 'shop', 'shop-rows'])
  assert.deepEqual(holders('services-secrets'), ['secrets', 'services'])
})

test('every volume is declared and used, and files of the repository are mounted read-only', () => {
  const mounts = each.flatMap(([, service]) => service.volumes ?? [])
  const [files, named] = [
    mounts.filter((mount) => mount.startsWith('./')),
    mounts.filter((mount) => !mount.startsWith('./')),
  ]
  assert.deepEqual(
    [...new Set(named.map((mount) => mount.slice(0, mount.indexOf(':'))))].sort(),
    Object.keys(volumes).sort(),
  )
  for (const mount of files) {
    const [file = '', , mode] = mount.split(':')
    assert.equal(mode, 'ro', mount)
    assert.match(file, /^\.\/deploy\/docker\//)
    assert.ok(existsSync(new URL(file, composeFile)), `${file} is not there`)
  }
})

test('ours run without rights and write to their volumes only', () => {
  const ours = each.filter(([, service]) => service.build !== undefined)
  assert.ok(ours.length > 0)
  for (const [name, service] of ours) {
    assert.equal(service.read_only, true, name)
    assert.deepEqual(service.cap_drop, ['ALL'], name)
  }
})
