import { CodecError, decodeEvent } from '../../../schemas/codec.ts'
import { outlineEvent } from '../../../schemas/event-outline.ts'
import { LeafError, decodeLeaf, encodeLeaf } from '../../../schemas/leaf.ts'
import {
  aCompletion,
  aDecision,
  aRequest,
  aResponse,
  aSession,
  anActor,
  anEvent,
  encoded,
} from '../../support/an-event.ts'
import { expect, valueOrRefusal } from '../fuzz-target.ts'
import { wordsOf } from '../mutate.ts'
import type { FuzzTarget } from '../fuzz-target.ts'

const id = '01940000-0000-7000-8000-000000000000'

/** The bytes of an event as they come from the bus, and of a leaf as they come from a log. */
export function createTarget(): Promise<FuzzTarget> {
  const events = [
    anEvent({ id }),
    anEvent({
      id,
      type: 'session.started',
      session_id: 's',
      session: aSession(),
      actor: anActor(),
    }),
    anEvent({ id, type: 'request.received', request: aRequest(), request_id: 'r', purpose: 'p' }),
    anEvent({
      id,
      type: 'request.decided',
      decision: aDecision({ decision_id: id, reason: 'no' }),
    }),
    anEvent({ id, type: 'request.completed', completion: aCompletion(), data_labels: ['a', 'b'] }),
    anEvent({ id, type: 'response.recorded', response: aResponse() }),
  ]
  const leaf = encodeLeaf({
    v: 1,
    type: 'loss',
    log: 'l',
    seq: 3,
    prev: 'ab'.repeat(32),
    rt: '2026-11-25T08:00:00.000Z',
    topic: 't',
    part: 0,
    from: 1,
    to: 2,
    reason: 'offsets_gone',
  })
  return Promise.resolve({
    maxBytes: 2_048,
    maxMs: 200,
    seeds: [...events.map(encoded), leaf],
    words: wordsOf(`
    \x00\x00\x00\x00\x01 \x00\x00\x00\x00\x02 \x02 \x80\x80\x80\x80\x80\x80\x80\x80\x80\x01 " :
  `),
    covers: ['schemas/'],
    run(input) {
      const event = valueOrRefusal(() => decodeEvent(input), CodecError)
      const outline = valueOrRefusal(() => outlineEvent(input), CodecError)
      const leaf = valueOrRefusal(() => decodeLeaf(input), LeafError)
      if ('value' in leaf)
        expect(encodeLeaf(leaf.value).equals(input), 'a leaf is written otherwise')
      expect(
        'value' in event === 'value' in outline,
        'one takes it for an event, the other does not',
      )
      if ('refusal' in event || 'refusal' in outline) {
        return 'refusal' in event ? event.refusal.replaceAll(/\d+/g, '') : ''
      }
      const { value: whole } = event
      const { value: short } = outline
      expect(
        short.id === whole.id &&
          short.type === whole.type &&
          short.occurredAt === whole.occurred_at &&
          short.producer === whole.producer &&
          short.producerSeq === whole.producer_seq &&
          short.prev === whole.prev.toString('latin1') &&
          short.sessionId === whole.session_id,
        'an event and its outline differ',
      )
      return whole.type
    },
  })
}
