import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

function node(cwd: string, ...args: readonly string[]) {
  return spawnSync(process.execPath, args, { cwd, encoding: 'utf8' })
}

test('the tree of the edge image holds all that the edge loads, and no package of the services', async (t) => {
  const tree = await mkdtemp(join(tmpdir(), 'edge-tree-'))
  t.after(() => rm(tree, { recursive: true }))
  const made = node(root, 'deploy/docker/edge-tree.ts', tree)
  assert.equal(made.status, 0, made.stderr)

  const manifest = JSON.parse(readFileSync(join(tree, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  const packages = Object.keys(manifest.dependencies)
  assert.ok(packages.includes('libpg-query'))
  for (const ofServices of ['fastify', 'pdfkit', 'oidc-provider', '@opensearch-project/opensearch'])
    assert.ok(!packages.includes(ofServices), `${ofServices} is in the edge image`)

  await symlink(join(root, 'node_modules'), join(tree, 'node_modules'))
  const config = join(tree, 'edge.yaml')
  writeFileSync(
    config,
    readFileSync(join(root, 'deploy/docker/edge.yaml'), 'utf8').replace('/data', join(tree, 'no')),
  )
  // It comes as far as its data directory, with every module loaded.
  const run = node(tree, 'services/cli/edge-main.ts', 'edge', '--config', config)
  assert.equal(run.status, 1)
  assert.match(run.stderr, /holds no deployment yet; make one with: affidavit init --edge/)
})
