import { readFile } from 'node:fs/promises'

import type pg from 'pg'

const fixture = await readFile(new URL('fixture/fixture.sql', import.meta.url), 'utf8')

/** Makes the fixture anew, whatever was left of it. */
export async function resetTarget(direct: pg.Client): Promise<void> {
  await direct.query(fixture)
}

/**
 * Everything at the target that a statement could have changed, as one digest: definitions, privileges, settings of roles and
 * databases, rows, sequences (which no rollback takes back), large objects, and the names of files in the data directory.
 */
export async function targetState(direct: pg.Client): Promise<string> {
  const { rows } = await direct.query<{ part: string; digest: string }>(stateQuery)
  return rows.map(({ part, digest }) => `${part} ${digest}`).join('\n')
}

/**
 * What nothing can change without being seen in the log of writes, in the sequence that counts (which may move without a write)
 * or in the files of the data directory. Cheap: while it stays, the whole state need not be looked at.
 */
export async function targetMark(direct: pg.Client): Promise<string> {
  for (;;) {
    const { rows } = await direct.query<{ others: number; mark: string }>(markQuery)
    const [row] = rows
    // A statement whose client is gone may be running still. The edges look at the catalog all the time.
    if (row?.others === 0) return row.mark
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

const markQuery = `SELECT
  (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
    AND application_name <> 'catalog') AS others,
  concat_ws(' ', pg_current_wal_insert_lsn(), (SELECT ROW(last_value, is_called) FROM shop.witness),
    (SELECT string_agg(f, ',') FROM pg_ls_dir('.') f WHERE f !~ '^(postmaster|current_logfiles)'),
    (SELECT modification FROM pg_stat_file('postgresql.auto.conf'))) AS mark`

const ofUsers = `n.nspname !~ '^pg_(toast_)?temp_'`

// Texts of rows, sorted, one digest for each part so that a difference says where it is.
const parts: Readonly<Record<string, string>> = {
  relations: `SELECT ROW(c.oid, relname, relkind, relfilenode, relowner, relacl, relrowsecurity, reloptions)
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE ${ofUsers} AND nspname NOT LIKE 'pg_toast%'`,
  columns: `SELECT ROW(attrelid, attname, attnum, atttypid, attacl)
    FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace
    WHERE ${ofUsers} AND attnum > 0 AND nspname NOT LIKE 'pg_toast%'`,
  routines: 'SELECT ROW(oid, proname, proowner, prosrc, proacl, proconfig) FROM pg_proc',
  triggers: 'SELECT ROW(oid, tgname, tgrelid, tgenabled) FROM pg_trigger',
  rules: 'SELECT ROW(oid, rulename, ev_class, ev_enabled) FROM pg_rewrite',
  constraints: 'SELECT ROW(oid, conname) FROM pg_constraint',
  schemas: `SELECT ROW(n.oid, nspname, nspacl) FROM pg_namespace n WHERE ${ofUsers}`,
  roles: 'SELECT a FROM pg_authid a',
  memberships: 'SELECT a FROM pg_auth_members a',
  settings: 'SELECT a FROM pg_db_role_setting a',
  extensions: 'SELECT extname FROM pg_extension',
  'event triggers': 'SELECT evtname FROM pg_event_trigger',
  'large objects': 'SELECT oid FROM pg_largeobject_metadata',
  types: `SELECT ROW(t.oid, typname) FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace WHERE ${ofUsers}`,
  operators: 'SELECT ROW(oid, oprname) FROM pg_operator',
  casts: 'SELECT oid FROM pg_cast',
  conversions: 'SELECT oid FROM pg_conversion',
  policies: 'SELECT polname FROM pg_policy',
  defaults: 'SELECT a FROM pg_attrdef a',
  comments: 'SELECT a FROM pg_description a WHERE objoid >= 16384',
  servers: 'SELECT srvname FROM pg_foreign_server',
  publications: 'SELECT pubname FROM pg_publication',
  subscriptions: 'SELECT subname FROM pg_subscription',
  'prepared transactions': 'SELECT gid FROM pg_prepared_xacts',
  databases: 'SELECT ROW(datname, datacl) FROM pg_database',
  'default privileges': 'SELECT a FROM pg_default_acl a',
  'server settings': `SELECT ROW(name, setting) FROM pg_file_settings WHERE sourcefile LIKE '%auto.conf'`,
  files: `SELECT f FROM pg_ls_dir('.') f WHERE f !~ '^(postmaster|pg_|global|base|current_logfiles)'`,
  witness: 'SELECT ROW(last_value, is_called) FROM shop.witness',
  victim: 'SELECT ROW(t, xmin) FROM shop.victim t',
  orders: 'SELECT ROW(t, xmin) FROM shop.orders t',
  log: 'SELECT t FROM shop.log t',
  secret: 'SELECT ROW(t, xmin) FROM m.secret t',
  other: 'SELECT ROW(t, xmin) FROM m.other t',
}

const stateQuery = Object.entries(parts)
  .map(
    ([part, query]) =>
      `SELECT '${part}' AS part, coalesce(md5(string_agg(line::text, E'\\n' ORDER BY line::text COLLATE "C")), '-') AS digest
       FROM (${query}) AS lines (line)`,
  )
  .join('\nUNION ALL\n')

/** What differs between two states. */
export function changesBetween(before: string, after: string): readonly string[] {
  const known = new Set(before.split('\n'))
  return after
    .split('\n')
    .filter((line) => !known.has(line))
    .map((line) => line.slice(0, line.lastIndexOf(' ')))
}
