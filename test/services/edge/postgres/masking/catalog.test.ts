import assert from 'node:assert/strict'
import { test } from 'node:test'

import { loadClassification } from '../../../../../services/edge/guard/masking/classification.ts'
import { loadGrammar } from '../../../../../services/edge/postgres/facts/grammar.ts'
import { MaskCatalog } from '../../../../../services/edge/postgres/masking/catalog.ts'
import type { ColumnIdentity } from '../../../../../services/edge/postgres/masking/catalog.ts'
import { projectionOf } from '../../../../../services/edge/postgres/masking/projection.ts'

const grammar = await loadGrammar()
const classified = loadClassification(
  `version: 1
columns:
  - { column: m.secret.ssn, class: ssn }
  - { column: m.secret.email, class: email }
`,
  'classification.yaml',
)

test('a column of a view is of every class that it shows, in whatever order the views come', () => {
  assert.ok(classified.ok)
  const columns = [
    ...relation(1, 'secret', ['id', 'ssn', 'email']),
    ...relation(2, 'below', ['id', 'x']),
    ...relation(3, 'above', ['y']),
  ]
  const below = { oid: 2, definition: 'SELECT id, ssn AS x FROM m.secret' }
  const above = {
    oid: 3,
    definition: 'SELECT s.email || b.x AS y FROM m.secret s JOIN m.below b USING (id)',
  }
  for (const views of [
    [below, above],
    [above, below],
  ]) {
    const catalog: MaskCatalog = new MaskCatalog(
      { columns, views, inheritance: [], generated: [], couplings: [] },
      classified.columns,
      (definition, relations) => projectionOf(grammar, definition, relations),
    )
    const identity: ColumnIdentity = catalog.identity(3, 1)
    assert.ok(typeof identity === 'object')
    assert.equal(identity.dataClass, 'not-understood')
  }
})

function relation(oid: number, name: string, columns: readonly string[]) {
  return columns.map((column, at) => ({ oid, schema: 'm', relation: name, number: at + 1, column }))
}
