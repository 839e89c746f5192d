import { qualifiedName } from '../edge/postgres/facts/names.ts'
import { readCatalog } from '../edge/postgres/masking/catalog-rows.ts'
import type { Config } from '../runtime/config.ts'
import { postgresTarget } from './edges.ts'

const waitMs = 30_000

/** The relations that a target of the configuration has now, as `schema.relation`, with their columns: read as the edge's role. */
export async function targetCatalog(
  config: Config,
  name: string,
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const configured = config.targets.find((target) => target.name === name)
  if (configured === undefined) {
    const names = config.targets.map((target) => target.name).join(', ')
    throw new Error(`no target is called ${name}; there are ${names}`)
  }
  const target = await postgresTarget(configured)
  const login = {
    user: target.user,
    password: target.password,
    database: target.database,
    applicationName: 'affidavit catalog',
    settings: new Map([['search_path', 'pg_catalog']]),
  }
  const { columns } = await readCatalog(target, login, AbortSignal.timeout(waitMs))
  const catalog = new Map<string, Set<string>>()
  for (const { schema, relation, column } of columns) {
    const key = qualifiedName([schema, relation])
    catalog.set(key, (catalog.get(key) ?? new Set()).add(qualifiedName([column])))
  }
  return catalog
}
