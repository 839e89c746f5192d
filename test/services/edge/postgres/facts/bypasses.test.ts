import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compilePolicy, loadPolicy } from '../../../../../services/edge/guard/policy.ts'
import type { DecisionInput } from '../../../../../services/edge/guard/policy.ts'
import { factsOf } from '../../../../../services/edge/postgres/facts.ts'
import { loadGrammar } from '../../../../../services/edge/postgres/facts/grammar.ts'

const grammar = await loadGrammar()

/** As wide as a rule for reads and writes of data can be written. */
const wide = `version: 1
rules:
  - id: wide
    targets: ['*']
    statements: [read, write, transaction, session]
    relations: { read: ['*'], write: ['*'] }
    outcome: allow
`

/** The same, and every kind and every function that can be named. */
const widest = wide
  .replace('session]', 'session, ddl, maintenance, access, messaging, call]')
  .replace("write: ['*'] }", "write: ['*'] }\n    functions: ['*']")

function outcomeOf(policyText: string, sql: string): string {
  const result = factsOf(grammar, sql)
  if (!result.ok) return result.kind
  const loaded = loadPolicy(policyText, 'policy.yaml')
  assert.ok(loaded.ok)
  const actor: DecisionInput['actor'] = {
    kind: 'agent',
    subject: 'a',
    issuer: 'i',
    display: null,
    groups: [],
    on_behalf_of: [],
  }
  const verdict = compilePolicy(loaded.policy).decide({
    actor,
    target: 'shop',
    database: 'shop',
    role: null,
    facts: result.facts,
    purpose: null,
    labels: [],
    nowMs: 0,
  })
  return verdict.outcome === 'allow' ? 'allow' : verdict.ruleIds.join(' ')
}

test('L: lexer settings are changed by no policy, in whatever way it is tried', () => {
  const settings = [
    'SET standard_conforming_strings = off',
    "SET standard_conforming_strings TO 'off'",
    'SET SESSION standard_conforming_strings = 0',
    'SET "standard_conforming_strings" = false',
    'SET LOCAL standard_conforming_strings = off',
    'BEGIN; SET LOCAL standard_conforming_strings = off',
    'SET standard_conforming_strings = on, off',
    "SELECT set_config('standard_conforming_strings', 'off', false)",
    "SELECT pg_catalog.set_config('Standard_Conforming_Strings', 'off', true)",
    "SELECT set_config('standard_' || 'conforming_strings', 'off', false)",
    "SELECT set_config(name, 'off', false) FROM pg_settings",
    "SELECT set_config('standard_conforming_strings'::text, lower('OFF'), false)",
    "SELECT set_config(setting_name => 'standard_conforming_strings', new_value => 'off', is_local => false)",
    "SELECT U&\"set\\005fconfig\"('standard_conforming_strings', 'off', false)",
    "UPDATE pg_settings SET setting = 'off' WHERE name = 'standard_conforming_strings'",
    "UPDATE pg_catalog.pg_settings SET setting = 'off'",
    'ALTER ROLE CURRENT_USER SET standard_conforming_strings = off',
    'ALTER DATABASE shop SET standard_conforming_strings = off',
    "SET client_encoding = 'SQL_ASCII'",
    "SET NAMES 'GBK'",
    'SET LOCAL client_encoding TO big5',
    "SELECT set_config('client_encoding', 'SJIS', true)",
    'SET backslash_quote = on',
    "SELECT 1; SELECT set_config('backslash_quote', 'on', true)",
    "WITH x AS (SELECT set_config('backslash_quote', 'on', true)) SELECT 1",
    "PREPARE p AS SELECT set_config('client_encoding', 'GBK', false)",
    "EXPLAIN ANALYZE SELECT set_config('client_encoding', 'GBK', false)",
    "COPY (SELECT set_config('client_encoding', 'GBK', false)) TO STDOUT",
  ]
  for (const sql of settings) assert.equal(outcomeOf(widest, sql), 'builtin/lexer-settings', sql)
})

test('L: setting them to what they are is no change', () => {
  const harmless = [
    'SET standard_conforming_strings = on',
    "SET client_encoding = 'UTF8'",
    "SELECT set_config('client_encoding', 'utf-8', false)",
    'RESET ALL',
    'SET standard_conforming_strings TO DEFAULT',
    "SELECT set_config('jit', 'off', false)",
    "SET DateStyle = 'ISO'",
    "SELECT set_config('search_path', '', false)",
  ]
  for (const sql of harmless) assert.equal(outcomeOf(wide, sql), 'allow', sql)
})

test('P: code whose effect cannot be seen is allowed by no policy', () => {
  const unknown = [
    "DO $$ BEGIN EXECUTE 'dr'||'op table t'; END $$",
    "DO $$ BEGIN EXECUTE convert_from(decode('ZHJvcCB0YWJsZSB0','base64'),'UTF8'); END $$",
    "DO $$ BEGIN PERFORM set_config('standard_conforming_strings','off',false); END $$",
    'EXECUTE p',
    'CREATE TABLE x AS EXECUTE p',
    "SELECT query_to_xml('delete from victim', true, false, '')",
    "SELECT pg_catalog.query_to_xml('delete from victim', true, false, '')",
    "SELECT table_to_xml('m.secret', true, false, '')",
    "SELECT dblink_exec('host=x', 'delete from victim')",
    "SELECT * FROM public.dblink('host=x', 'select 1') AS t(a int)",
    "SELECT ts_stat('delete from victim')",
  ]
  for (const sql of unknown) assert.equal(outcomeOf(widest, sql), 'builtin/unknown', sql)
})

test('P: what reaches the host, the server or another role is allowed by no policy', () => {
  const rows: readonly (readonly [string, string])[] = [
    ["COPY t TO PROGRAM 'curl x'", 'builtin/copy-program'],
    ["COPY (SELECT 1) TO PROGRAM 'curl x'", 'builtin/copy-program'],
    ["COPY t FROM PROGRAM 'curl x'", 'builtin/copy-program'],
    ["COPY t FROM '/etc/passwd'", 'builtin/server-files'],
    ["SELECT pg_read_file('/etc/passwd')", 'builtin/server-files'],
    ['SELECT U&"\\0070g_read_file"(\'/etc/passwd\')', 'builtin/server-files'],
    ['SELECT "pg_read_file"(\'/etc/passwd\')', 'builtin/server-files'],
    ["SELECT * FROM pg_catalog.pg_read_binary_file('/etc/passwd')", 'builtin/server-files'],
    ["SELECT lo_import('/etc/passwd')", 'builtin/server-files'],
    ["SELECT lo_export(1, '/tmp/x')", 'builtin/server-files'],
    ['SET ROLE postgres', 'builtin/role-change'],
    ["SELECT set_config('role', 'postgres', false)", 'builtin/role-change'],
    ['SET SESSION AUTHORIZATION postgres', 'builtin/role-change'],
    ['SET session_replication_role = replica', 'builtin/role-change'],
    ['SET search_path = evil, pg_catalog', 'builtin/search-path'],
    ["SET SCHEMA 'evil'", 'builtin/search-path'],
    ["SELECT set_config('search_path', 'evil', false)", 'builtin/search-path'],
    ["LOAD 'x'", 'builtin/server-code'],
    ["ALTER SYSTEM SET archive_command = 'x'", 'builtin/server-code'],
    ["CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'x', 'y'", 'builtin/server-code'],
  ]
  for (const [sql, rule] of rows) assert.equal(outcomeOf(widest, sql), rule, sql)
})

test('P: what a rule for data does not name stays blocked, wherever it hides', () => {
  const blocked = [
    'CALL purge()',
    'SELECT purge()',
    'SELECT app.lower(x) FROM t',
    "SELECT pg_terminate_backend(1), pg_sleep(1), nextval('s')",
    "SELECT pg_notify('ch', ssn) FROM m.secret",
    "NOTIFY ch, 'value'",
    'LISTEN ch',
    'CREATE EXTENSION dblink',
    'VACUUM',
    'REINDEX TABLE t',
    '/* /* */ */ DROP TABLE t',
    'SELECT 1; DROP TABLE t',
    'EXPLAIN ANALYZE CREATE TABLE x AS SELECT 1',
    'PREPARE p AS SELECT purge()',
    'SELECT 1 INTO x',
    'CREATE RULE r AS ON SELECT TO t DO INSTEAD DELETE FROM victim',
    'CREATE VIEW v AS SELECT purge()',
    'ALTER ROLE x SUPERUSER',
    'GRANT ALL ON t TO PUBLIC',
    'TRUNCATE t',
    'SELECT * FROM t ORDER BY x USING OPERATOR(evil.<)',
    'SELECT 1 = ANY (SELECT purge())',
    'SELECT * FROM t WHERE x OPERATOR(evil.=) 1',
  ]
  for (const sql of blocked) assert.equal(outcomeOf(wide, sql), 'default', sql)
})

test('P: a write inside a read counts as a write', () => {
  const readOnly = wide.replace('read, write,', 'read,').replace(", write: ['*']", '')
  const writes = [
    'WITH x AS (DELETE FROM victim RETURNING *) SELECT * FROM x',
    'EXPLAIN ANALYZE DELETE FROM victim',
    'EXPLAIN (ANALYZE) UPDATE victim SET a = 1',
    'PREPARE p AS DELETE FROM victim',
    'PREPARE p AS DELETE FROM victim; EXECUTE p',
    'COPY (DELETE FROM victim RETURNING *) TO STDOUT',
    'MERGE INTO victim USING s ON true WHEN MATCHED THEN DELETE',
    'SELECT * FROM victim FOR UPDATE',
    'DECLARE c CURSOR FOR SELECT * FROM victim FOR SHARE',
    'COPY victim FROM STDIN',
  ]
  for (const sql of writes) {
    assert.equal(outcomeOf(readOnly, sql), 'default', sql)
    assert.equal(outcomeOf(wide, sql), 'allow', sql)
  }
})

test('P: words in literals, names and comments are no statements', () => {
  const harmless = [
    "SELECT 'drop table t'",
    'SELECT $$ drop table t $$',
    "SELECT 'a\\' || '; DELETE FROM victim; --'",
    'SELECT 1 AS "drop table t" -- drop table t',
    "SELECT E'it\\'s; drop table t'",
    '',
    '-- nothing',
    '/* nothing */ ;',
  ]
  for (const sql of harmless) assert.equal(outcomeOf(wide, sql), 'allow', sql)
})
