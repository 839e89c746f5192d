import { queryTarget } from '../snapshot/query-target.ts'
import type { TargetAddress, TargetLogin } from '../target/target-connection.ts'
import { couplingsIn, couplingsQuery } from '../masking/coupling-rows.ts'
import type { Coupling } from '../masking/couplings.ts'
import { codeIn, codeQuery } from './code-rows.ts'
import type { CodeObject } from './code-rows.ts'

/** What may run at a target without being named as a call: what is not in the schemas of the server itself. */
export interface RoutineRows {
  /** Of the server, such as 15. */
  readonly majorVersion: number
  /** The role that asked, which `$user` stands for. */
  readonly user: string
  /** Of a session that asks for none. */
  readonly searchPath: string
  /** Whether there is a schema of the held role's name, which `$user` in a search_path stands for. */
  readonly hasOwnSchema: boolean
  readonly types: readonly TypeRow[]
  readonly routines: readonly RoutineRow[]
  readonly operators: readonly OperatorRow[]
  readonly casts: readonly CastRow[]
  /** CHECK constraints of domains, as they are written after CHECK. */
  readonly checks: readonly { readonly type: number; readonly expression: string }[]
  /** Columns of types that are listed. */
  readonly columns: readonly { readonly relation: number; readonly type: number }[]
  /** Columns that are named like a routine with one argument. */
  readonly namesakes: readonly { readonly relation: number; readonly column: string }[]
  /** What relations have run by being read or written. */
  readonly couplings: readonly Coupling[]
}

export interface TypeRow {
  readonly oid: number
  readonly schema: string
  readonly name: string
  /** `pg_type.typtype`: base, composite, domain, enum, multirange, pseudo, range. */
  readonly kind: string
  /** Of a domain its base type, of an array its element, of a range its subtype. */
  readonly of: number | null
  /** Of a composite type or the row of a table; null for the others. */
  readonly relation: number | null
}

export interface RoutineRow {
  readonly schema: string
  readonly name: string
  readonly argumentTypes: readonly number[]
  /** It can be called with one argument. */
  readonly takesOne: boolean
  /** The server has functions of the same name. */
  readonly isNamesake: boolean
  /** A member of an extension. */
  readonly isOfExtension: boolean
}

export interface OperatorRow {
  readonly schema: string
  readonly name: string
  readonly operandTypes: readonly number[]
}

export interface CastRow {
  readonly source: number
  readonly target: number
  /** As TypeName has it: without its schema. */
  readonly targetName: string
  /** `explicit` where it is asked for by name only. */
  readonly context: 'explicit' | 'assignment' | 'implicit'
  /** Null for one that runs no code of users. */
  readonly function: readonly [schema: string, name: string] | null
}

/** Reads them as one snapshot, and what all the code is. Throws `TargetError` when it cannot. */
export async function readRoutines(
  target: TargetAddress,
  login: TargetLogin,
  signal: AbortSignal,
): Promise<{ readonly rows: RoutineRows; readonly code: readonly CodeObject[] }> {
  const results = await queryTarget(
    target,
    login,
    [
      'SHOW server_version_num',
      'SHOW search_path',
      // From here on nothing of the target's users is found by a bare name.
      'SET search_path = pg_catalog',
      'SELECT to_regnamespace(quote_ident(current_user)) IS NOT NULL',
      'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY',
      typesQuery,
      routinesQuery,
      operatorsQuery,
      castsQuery,
      checksQuery,
      columnsQuery,
      namesakesQuery,
      couplingsQuery,
      codeQuery,
    ],
    signal,
  )
  const [version, path, , own, , types, routines, operators, casts, checks, columns, ...rest] =
    results
  const [namesakes, couplings, code] = rest
  const rows: RoutineRows = {
    majorVersion: Math.floor(Number(version?.[0]?.[0]) / 10_000),
    user: login.user,
    searchPath: path?.[0]?.[0] ?? '',
    hasOwnSchema: own?.[0]?.[0] === 't',
    types: (types ?? []).map(([oid, schema, name, kind, of, relation]) => ({
      oid: Number(oid),
      schema: schema ?? '',
      name: name ?? '',
      kind: kind ?? '',
      of: numberOrNull(of),
      relation: numberOrNull(relation),
    })),
    routines: (routines ?? []).map(([schema, name, args, takesOne, isNamesake, isOfExtension]) => ({
      schema: schema ?? '',
      name: name ?? '',
      argumentTypes: oids(args),
      takesOne: takesOne === 't',
      isNamesake: isNamesake === 't',
      isOfExtension: isOfExtension === 't',
    })),
    operators: (operators ?? []).map(([schema, name, left, right]) => ({
      schema: schema ?? '',
      name: name ?? '',
      operandTypes: [Number(left), Number(right)].filter((oid) => oid !== 0),
    })),
    casts: (casts ?? []).map(([source, cast, targetName, context, schema, name]) => ({
      source: Number(source),
      target: Number(cast),
      targetName: targetName ?? '',
      context: castContexts[context ?? ''] ?? 'implicit',
      function: name == null ? null : [schema ?? '', name],
    })),
    checks: (checks ?? []).map(([type, expression]) => ({
      type: Number(type),
      expression: expression ?? '',
    })),
    columns: (columns ?? []).map(([relation, type]) => ({
      relation: Number(relation),
      type: Number(type),
    })),
    namesakes: (namesakes ?? []).map(([relation, column]) => ({
      relation: Number(relation),
      column: column ?? '',
    })),
    couplings: couplingsIn(couplings ?? []),
  }
  return { rows, code: codeIn(code ?? []) }
}

const castContexts: Readonly<Record<string, CastRow['context']>> = {
  e: 'explicit',
  a: 'assignment',
  i: 'implicit',
}

function numberOrNull(text: string | null | undefined): number | null {
  const number = Number(text ?? 0)
  return number === 0 ? null : number
}

function oids(vector: string | null | undefined): readonly number[] {
  return (vector ?? '').split(' ').filter(Boolean).map(Number)
}

const ofUsers = "n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"

function ofExtension(catalog: string, oid: string): string {
  return `EXISTS (SELECT 1 FROM pg_catalog.pg_depend e
    WHERE e.classid = 'pg_catalog.${catalog}'::regclass AND e.objid = ${oid} AND e.deptype = 'e')`
}

const typesQuery = `
SELECT t.oid, n.nspname, t.typname, t.typtype,
  CASE WHEN t.typtype = 'd' THEN t.typbasetype
    WHEN t.typtype = 'r' THEN (SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE r.rngtypid = t.oid)
    ELSE t.typelem END,
  t.typrelid
FROM pg_catalog.pg_type t
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE ${ofUsers}
ORDER BY t.oid`

const takesOne = `(p.pronargs >= 1 AND p.pronargs - p.pronargdefaults <= 1
  OR p.provariadic <> 0 AND p.pronargs - p.pronargdefaults <= 2)`

// Functions of triggers cannot be called.
const routinesQuery = `
SELECT n.nspname, p.proname, p.proargtypes, ${takesOne},
  EXISTS (SELECT 1 FROM pg_catalog.pg_proc o
    WHERE o.proname = p.proname AND o.pronamespace = 'pg_catalog'::regnamespace),
  ${ofExtension('pg_proc', 'p.oid')}
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE ${ofUsers} AND p.prokind <> 'p' AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
ORDER BY p.oid`

const operatorsQuery = `
SELECT n.nspname, o.oprname, o.oprleft, o.oprright
FROM pg_catalog.pg_operator o
JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
WHERE ${ofUsers} AND NOT ${ofExtension('pg_operator', 'o.oid')}
ORDER BY o.oid`

// Below 16384 are those of initdb.
const castsQuery = `
SELECT c.castsource, c.casttarget, t.typname, c.castcontext,
  CASE WHEN ${ofUsers} AND NOT ${ofExtension('pg_cast', 'c.oid')} THEN n.nspname END,
  CASE WHEN ${ofUsers} AND NOT ${ofExtension('pg_cast', 'c.oid')} THEN p.proname END
FROM pg_catalog.pg_cast c
JOIN pg_catalog.pg_type t ON t.oid = c.casttarget
LEFT JOIN pg_catalog.pg_proc p ON p.oid = c.castfunc
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE c.oid >= 16384
ORDER BY c.oid`

const checksQuery = `
SELECT c.contypid, pg_catalog.pg_get_expr(c.conbin, 0)
FROM pg_catalog.pg_constraint c
JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace
WHERE c.contypid <> 0 AND c.contype = 'c' AND ${ofUsers} AND NOT ${ofExtension('pg_type', 'c.contypid')}
ORDER BY c.oid`

const columnsQuery = `
SELECT a.attrelid, a.atttypid
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE a.attnum > 0 AND NOT a.attisdropped AND ${ofUsers}
GROUP BY a.attrelid, a.atttypid
ORDER BY a.attrelid, a.atttypid`

const namesakesQuery = `
SELECT a.attrelid, a.attname
FROM pg_catalog.pg_attribute a
WHERE NOT a.attisdropped AND a.attname IN (
  SELECT p.proname FROM pg_catalog.pg_proc p
  JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
  WHERE ${ofUsers} AND ${takesOne})
ORDER BY a.attrelid, a.attname`
