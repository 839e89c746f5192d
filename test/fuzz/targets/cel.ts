import { compileCondition } from '../../../services/edge/guard/policy/condition.ts'
import type { Condition } from '../../../services/edge/guard/policy/condition.ts'
import type { DecisionInput } from '../../../services/edge/guard/policy/decision-input.ts'
import { agent, anInput, someFacts } from '../../services/edge/guard/policy-builders.ts'
import { expect } from '../fuzz-target.ts'
import { wordsOf } from '../mutate.ts'
import type { FuzzTarget } from '../fuzz-target.ts'

const facts = someFacts({
  kinds: ['select', 'update'],
  reads: ['shop.orders', 'public.customers'],
  writes: ['shop.orders'],
  columnsRead: ['shop.orders.id', 'public.customers.email'],
  columnsWritten: ['shop.orders.total'],
  functions: ['now'],
  flags: ['row_lock'],
  rows: 5,
})
const known = anInput({
  actor: { ...agent, groups: ['dba', 'agents'] },
  facts,
  purpose: 'refund',
  labels: ['pii'],
})

/** The same, with less and less of it known. */
const lessKnown: readonly DecisionInput[] = [
  { ...known, role: null, facts: { ...facts, rows: null } },
  { ...known, unknown: new Set(['groups', 'purpose', 'labels', 'database']) },
  { ...known, facts: { ...facts, unknown: ['a function'] } },
  { ...known, searchPath: [], facts: { ...facts, reads: ['orders', '*'] } },
]

/** As much as a condition may look at. */
const most = Array.from({ length: 64 }, (_, index) => `${'long_schema_name_'.repeat(6)}.t${index}`)
const largest: DecisionInput = {
  ...known,
  actor: { ...known.actor, groups: most },
  labels: most,
  facts: { ...facts, kinds: most, reads: most, writes: most, functions: most },
}

/** The text of a condition: it is refused, or has a value or none for what it is asked about, soon. */
export function createTarget(): Promise<FuzzTarget> {
  return Promise.resolve({
    maxBytes: 2_048,
    maxMs: 250,
    seeds: expressions.map((text) => Buffer.from(text)),
    words,
    covers: ['services/edge/guard/policy/condition', 'services/edge/guard/policy/cel', 'cel-js/'],
    run(input) {
      const compiled = compileCondition(input.toString('utf8'))
      if (!compiled.ok) {
        expect(compiled.message !== '', 'a refusal says why')
        return 'refused'
      }
      const { condition } = compiled
      const value = valueOf(condition, known)
      valueOf(condition, largest)
      for (const less of lessKnown) {
        const before = valueOf(condition, less)
        expect(before === null || before === value, 'what was unknown turned a value into another')
      }
      return `${value}`
    },
  })
}

function valueOf(condition: Condition, input: DecisionInput): boolean | null {
  const outcome = condition.evaluate(input)
  expect(outcome.value !== null || outcome.why !== '', 'no value, and nothing that says why')
  return outcome.value
}

const expressions = [
  "rows > 5 && target == 'shop'",
  "'dba' in groups || !(role == 'owner')",
  "kinds.exists(k, k == 'delete' || k.startsWith('up'))",
  'reads.all(r, writes.exists(w, w == r))',
  "columns_read.filter(c, c.endsWith('.ssn')).size() == 0",
  "actor.on_behalf_of.exists_one(p, p.kind == 'human' && p.subject != actor.subject)",
  "now < timestamp('2026-11-25T18:00:00Z') && now.getHours('Europe/Berlin') >= 8",
  "now - timestamp('2026-11-25T00:00:00Z') > duration('1h30m')",
  "size(labels) > 0 ? purpose == 'refund' : database.contains('shop')",
  'int(double(rows)) * 2 - 1 == 9 && string(rows) == "5"',
  "[1, 2, 3].exists(n, n == rows) && {'a': 1}['a'] == 1",
  'flags == ["row_lock"] && functions != []',
  "role.lowerAscii() == 'x' && on_behalf_of == ['olivia']",
]

const words = wordsOf(`
    actor groups on_behalf_of target database role purpose labels now kinds reads writes
    columns_read columns_written functions flags rows .exists(x, .all(x, .exists_one(x, .filter(x,
    .map(x, has( size( .matches( .contains( .startsWith( timestamp( duration( int( uint( bytes(
    string( double( dyn( type( cel.bind( .getHours( .size() .subject && || == != in < >= + - * / %
    ! ? : ( ) [ ] { } , ' " """ r' b' \\u0000 \\x true false null 0 1 9223372036854775807
    -9223372036854775808 1u 1e308 // \n __proto__ constructor toString .? ?. [? x
  `)
