import assert from 'node:assert/strict'
import { test } from 'node:test'

import { decodeEvent } from '../../schemas/codec.ts'
import { aCompletion, aDecision, aRequest, anActor, anEvent, encoded } from './an-event.ts'

test('an event that was built decodes to itself', () => {
  const event = anEvent({
    type: 'request.completed',
    actor: anActor(),
    request: aRequest('SELECT * FROM public.salaries'.repeat(100)),
    decision: aDecision(),
    completion: aCompletion(),
  })

  // JSON, since avsc gives records classes of its own.
  assert.equal(JSON.stringify(decodeEvent(encoded(event))), JSON.stringify(event))
})
