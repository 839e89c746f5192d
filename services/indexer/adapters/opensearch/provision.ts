import { IndexError } from '../../search-index.ts'
import { isRecord } from './bulk-reply.ts'
import type { Cluster } from './cluster.ts'
import type { IndexNames } from './index-names.ts'
import { componentTemplates, indexTemplates, schemaVersion } from './templates.ts'

/** Puts the templates of this version in place; leaves alone and refuses what a newer program has put there. */
export async function provision(
  cluster: Cluster,
  names: IndexNames,
  signal: AbortSignal,
): Promise<void> {
  const there = await versionsThere(cluster, names, signal)
  const newest = Math.max(0, ...there.values())
  if (newest > schemaVersion) {
    throw new IndexError(
      'INDEX_NEWER',
      `the templates of ${names.prefix} in OpenSearch are of version ${newest}, this program knows ${schemaVersion}: start the newer program, or use another prefix`,
    )
  }
  const templates = indexTemplates(names)
  if (templates.some(({ name }) => there.get(name) !== schemaVersion)) {
    for (const { name, body } of componentTemplates(names)) {
      await cluster.insist({ method: 'PUT', path: `/_component_template/${name}`, body }, signal)
    }
    await Promise.all(
      templates.map(({ name, body }) =>
        cluster.insist({ method: 'PUT', path: `/_index_template/${name}`, body }, signal),
      ),
    )
  }
  for (const index of [names.state, names.deadLetters]) {
    if (there.size === 0 || !(await exists(cluster, index, signal))) {
      await cluster.createIndex(index, {}, signal)
    }
  }
}

/** The versions of our index templates, by name. */
async function versionsThere(
  cluster: Cluster,
  names: IndexNames,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const { status, body } = await cluster.insist(
    { method: 'GET', path: `/_index_template/${names.prefix}-*`, expected: [404] },
    signal,
  )
  const versions = new Map<string, number>()
  if (status === 404) return versions
  const ours = new Set(indexTemplates(names).map(({ name }) => name))
  for (const each of body['index_templates'] as readonly unknown[]) {
    if (!isRecord(each) || !ours.has(String(each['name']))) continue
    const template = isRecord(each['index_template']) ? each['index_template'] : {}
    const meta = isRecord(template['_meta']) ? template['_meta'] : {}
    versions.set(String(each['name']), typeof meta['schema'] === 'number' ? meta['schema'] : 0)
  }
  return versions
}

async function exists(cluster: Cluster, index: string, signal: AbortSignal): Promise<boolean> {
  const call = { method: 'HEAD', path: `/${index}`, expected: [404] } as const
  return (await cluster.insist(call, signal)).status === 200
}
