import assert from 'node:assert/strict'
import { test } from 'node:test'

import { reportFault } from '../../../services/cli/failure.ts'

test('a fault says where it happened and nothing of what was being worked on', (t) => {
  const said: string[] = []
  t.mock.method(process.stderr, 'write', (text: string) => said.push(text) > 0)
  const fault = Object.assign(new TypeError('SELECT ssn FROM people'), {
    body: 'VALUES (4711)',
    code: 'ERR_X',
  })
  assert.equal(reportFault(fault), 1)
  assert.equal(reportFault('SELECT ssn'), 1)
  t.mock.restoreAll()
  const text = said.join('')
  assert.match(text, /^TypeError ERR_X$/m)
  assert.match(text, /^ +at .*failure\.test\.ts/m)
  assert.doesNotMatch(text, /ssn|4711/)
})
