import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import { fieldsOf } from '../../services/indexer/adapters/opensearch/templates.ts'

interface Reference {
  readonly name: string
  readonly type: string
  readonly id: string
}

interface SavedObject {
  readonly id: string
  readonly type: string
  readonly attributes: Readonly<Record<string, unknown>>
  readonly references: readonly Reference[]
}

const file = new URL('../../deploy/dashboards/affidavit.ndjson', import.meta.url)
const objects = readFileSync(file, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as SavedObject)
const byId = new Map(objects.map((object) => [object.id, object]))

const mappings = {
  'audit-events': fieldsOf('entries'),
  'audit-events-statements': fieldsOf('statements'),
  'audit-events-sessions': fieldsOf('sessions'),
  'audit-events-dead-letters': fieldsOf('dead-letters'),
} as const

function ofType(type: string): readonly SavedObject[] {
  return objects.filter((object) => object.type === type)
}

function parsed(text: unknown): unknown {
  return JSON.parse(String(text))
}

/** The fields of what this object asks. */
function mappingOf({ id, references }: SavedObject): ReadonlySet<string> {
  const pattern = references.find(({ type }) => type === 'index-pattern')
  const title = String(byId.get(pattern?.id ?? '')?.attributes['title']) as keyof typeof mappings
  assert.ok(title in mappings, `${id} asks an index of ours`)
  return mappings[title]
}

test('there is a dashboard for each question, under ids that stay', () => {
  assert.equal(byId.size, objects.length)
  assert.deepEqual(
    ofType('dashboard').map(({ id }) => id),
    ['sessions', 'decisions', 'denied', 'actors', 'targets', 'ingestion'].map(
      (name) => `affidavit-${name}`,
    ),
  )
  for (const { id } of objects) assert.match(id, /^affidavit-[a-z-]+$/)
})

test('every reference leads to an object of the file, and every object but a dashboard is used', () => {
  const used = new Set<string>()
  for (const { id, references } of objects) {
    for (const reference of references) {
      assert.equal(byId.get(reference.id)?.type, reference.type, `${id} → ${reference.id}`)
      used.add(reference.id)
    }
  }
  const unused = objects.filter(({ id, type }) => type !== 'dashboard' && !used.has(id))
  assert.deepEqual(unused, [])
})

test('the panels of a dashboard are its references, side by side without overlap', () => {
  for (const { attributes, references } of ofType('dashboard')) {
    const panels = parsed(attributes['panelsJSON']) as {
      panelRefName: string
      gridData: { x: number; y: number; w: number; h: number }
    }[]
    assert.deepEqual(
      panels.map(({ panelRefName }) => panelRefName),
      references.map(({ name }) => name),
    )
    const taken = new Set<string>()
    for (const { gridData } of panels) {
      assert.ok(gridData.x + gridData.w <= 48)
      for (let x = gridData.x; x < gridData.x + gridData.w; x++) {
        for (let y = gridData.y; y < gridData.y + gridData.h; y++) {
          assert.ok(!taken.has(`${x} ${y}`), String(attributes['title']))
          taken.add(`${x} ${y}`)
        }
      }
    }
  }
})

test('every field that is shown, counted or asked for is in our mapping', () => {
  for (const pattern of ofType('index-pattern')) {
    const title = String(pattern.attributes['title']) as keyof typeof mappings
    assert.ok(mappings[title].has(String(pattern.attributes['timeFieldName'])))
  }
  for (const object of ofType('visualization')) {
    const fields = mappingOf(object)
    const { aggs } = parsed(object.attributes['visState']) as {
      aggs: { params: { field?: string } }[]
    }
    for (const { params } of aggs) {
      if (params.field !== undefined)
        assert.ok(fields.has(params.field), `${object.id} ${params.field}`)
    }
    const { searchSourceJSON } = object.attributes['kibanaSavedObjectMeta'] as {
      searchSourceJSON: string
    }
    const { query } = parsed(searchSourceJSON) as { query: { query: string } }
    for (const [, field = ''] of query.query.matchAll(/([@\w.]+):/g)) {
      assert.ok(fields.has(field), `${object.id} asks for ${field}`)
    }
  }
})
