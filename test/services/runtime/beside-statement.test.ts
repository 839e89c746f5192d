import assert from 'node:assert/strict'
import { test } from 'node:test'

import { besideStatement } from '../../../services/runtime/beside-statement.ts'

test('whoever approves is told of rows that come later, and of nothing else', () => {
  assert.match(besideStatement('copy_from') ?? '', /rows that COPY writes come when it is run/)
  assert.match(besideStatement('begin,copy_from') ?? '', /rows/)
  assert.equal(besideStatement('copy_to,insert,select'), null)
})
