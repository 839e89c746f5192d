import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'

import { startMaskedTarget } from './masked-target.ts'
import type { MaskedTarget } from './masked-target.ts'

suite('what detectors find in free text at a real target', () => {
  let masked: MaskedTarget

  before(async () => {
    masked = await startMaskedTarget(schema, classification)
  })
  after(() => masked[Symbol.asyncDispose]())

  test('parts of a text are replaced, and counted by what they are', async () => {
    const text = 'SELECT body, note FROM m.ticket ORDER BY id'
    const { rows } = await masked.seen(text)
    assert.deepEqual(rows, [
      { body: 'Paid with ****, mail ****', note: 'bob@example.com' },
      { body: 'Where is order 4111111111111112?', note: null },
      { body: null, note: null },
    ])
    await masked.edge.recorder.until('session.ended')
    const request = masked.edge.recorder.requests().find((each) => each.text === text)
    assert.deepEqual(
      request?.completion?.masked.map((each) => ({ ...each })),
      [
        { data_class: 'card', count: 1 },
        { data_class: 'email', count: 1 },
      ],
    )
  })

  test('what is made of a text shows nothing, as with any masked column', async () => {
    const { rows } = await masked.seen('SELECT upper(body) AS u FROM m.ticket WHERE id = 1')
    assert.deepEqual(rows, [{ u: null }])
  })
})

const classification = `version: 1
columns:
  - { column: m.ticket.body, class: free-text, detect: [card, email] }
`

const schema = `
CREATE SCHEMA m;
CREATE TABLE m.ticket (id int PRIMARY KEY, body text, note text);
INSERT INTO m.ticket VALUES
  (1, 'Paid with 4111 1111 1111 1111, mail bob@example.com', 'bob@example.com'),
  (2, 'Where is order 4111111111111112?', NULL), (3, NULL, NULL);
`
