import { Client, escapeIdentifier, escapeLiteral } from 'pg'
import { generateSampleRows } from './sample-rows.ts'
import { sampleFinish, sampleSchema, sampleTables } from './sample-schema.ts'

/** What the demo's target holds, and the role by which the edge, and nobody else, works on it. */
export const sampleDatabase = 'shop'
export const heldRole = 'affidavit_edge'

export interface SampleDataOptions {
  readonly host: string
  readonly port: number
  readonly superuser: string
  readonly superuserPassword: string
  readonly ca: string
  /** Password of the held role; set at every start. */
  readonly heldPassword: string
}

/**
 * Creates role, database and rows where they are missing. What agents changed in the rows stays; a table that is gone brings all of
 * them back as they were at first. The held role owns the tables, so that it is policy and not a missing grant which keeps a DROP out.
 */
export async function createSampleData(options: SampleDataOptions): Promise<{ created: boolean }> {
  await withClient(options, 'postgres', async (client) => {
    const found = await client.query(
      'SELECT (SELECT count(*)::int FROM pg_roles WHERE rolname = $1) AS roles, (SELECT count(*)::int FROM pg_database WHERE datname = $2) AS databases',
      [heldRole, sampleDatabase],
    )
    const { roles, databases } = found.rows[0] as { roles: number; databases: number }
    const role = escapeIdentifier(heldRole)
    if (roles === 0) await client.query(`CREATE ROLE ${role} NOSUPERUSER NOCREATEDB NOCREATEROLE`)
    await client.query(
      `ALTER ROLE ${role} LOGIN CONNECTION LIMIT 40 PASSWORD ${escapeLiteral(options.heldPassword)}`,
    )
    if (databases === 0) await client.query(`CREATE DATABASE ${escapeIdentifier(sampleDatabase)}`)
  })
  return withClient(options, sampleDatabase, async (client) => {
    const { rows } = await client.query(
      'SELECT count(*)::int AS present FROM unnest($1::text[]) AS name WHERE to_regclass(name) IS NOT NULL',
      [sampleTables.map((table) => `public.${table}`)],
    )
    if ((rows[0] as { present: number }).present === sampleTables.length) return { created: false }
    await createTables(client)
    return { created: true }
  })
}

/** All or nothing: a start that is interrupted here begins anew the next time. */
async function createTables(client: Client): Promise<void> {
  const role = escapeIdentifier(heldRole)
  const rows = generateSampleRows()
  await client.query('BEGIN')
  await client.query(`DROP TABLE IF EXISTS ${sampleTables.join(', ')} CASCADE`)
  await client.query(`REVOKE ALL ON DATABASE ${escapeIdentifier(sampleDatabase)} FROM PUBLIC`)
  await client.query(
    `GRANT CONNECT, TEMPORARY ON DATABASE ${escapeIdentifier(sampleDatabase)} TO ${role}`,
  )
  await client.query(`GRANT CREATE, USAGE ON SCHEMA public TO ${role}`)
  await client.query(`SET LOCAL ROLE ${role}`)
  await client.query(sampleSchema)
  for (const table of sampleTables) {
    await client.query(
      `INSERT INTO ${table} SELECT * FROM json_populate_recordset(NULL::${table}, $1)`,
      [JSON.stringify(rows[table])],
    )
  }
  await client.query(sampleFinish)
  await client.query('COMMIT')
  await client.query('ANALYZE')
}

async function withClient<T>(
  options: SampleDataOptions,
  database: string,
  use: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({
    host: options.host,
    port: options.port,
    user: options.superuser,
    password: options.superuserPassword,
    database,
    ssl: { ca: options.ca },
  })
  // A connection that breaks rejects the query that waits; without a listener it would end the process as well.
  client.on('error', () => {})
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}
