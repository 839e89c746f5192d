import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  Group,
  type Claim,
  type GroupMember,
} from '../../../../../services/bus/adapters/embedded/group.ts'

const partitions = { one: 1, two: 3, three: 8 } as const
const topics = ['one', 'two', 'three'] as const

interface Member extends GroupMember {
  readonly claims: Claim[]
}

function aMember(topics: readonly string[]): Member {
  const claims: Claim[] = []
  return { topics, claims, take: (claim) => void claims.push(claim) }
}

function held(member: Member): string[] {
  const current = member.claims.filter((claim) => !claim.revoked.aborted)
  return current.map(({ topic, partition }) => `${topic}/${partition}`)
}

test('whoever joins and leaves, each partition of a wanted topic has exactly one claim', () => {
  const step = fc.record({
    leaves: fc.boolean(),
    at: fc.nat(5),
    topics: fc.uniqueArray(fc.constantFrom(...topics), { minLength: 1 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const group = new Group((topic) => partitions[topic as keyof typeof partitions])
      const members: Member[] = []
      for (const { leaves, at, topics } of steps) {
        const leaving = leaves ? members.splice(at, 1)[0] : undefined
        if (leaving !== undefined) {
          group.leave(leaving)
          assert.deepEqual(held(leaving), [])
        } else {
          const member = aMember(topics)
          members.push(member)
          group.join(member)
        }
        const wanted = new Set(members.flatMap((member) => member.topics))
        const expected = [...wanted].flatMap((topic) =>
          Array.from(
            { length: partitions[topic as keyof typeof partitions] },
            (_, partition) => `${topic}/${partition}`,
          ),
        )
        assert.deepEqual(members.flatMap(held).sort(), expected.sort())
      }
    }),
  )
})

test('a claim waits for the one at work, also past a claim that never began', async () => {
  const group = new Group(() => 1)
  const first = aMember(['one'])
  group.join(first)
  const working = first.claims[0]
  assert.ok(working)
  group.begin(working)
  group.leave(first)
  const second = aMember(['one'])
  const third = aMember(['one'])
  group.join(second)
  group.join(third)
  group.leave(second)
  second.claims[0]?.end()
  const last = third.claims[0]
  assert.ok(last)
  let isFree = false
  const freed = last.previous.then(() => (isFree = true))
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(isFree, false)
  assert.ok(working.revoked.aborted)
  working.end()
  await freed
})

test('who was overtaken is not the reader any more', () => {
  const group = new Group(() => 1)
  const first = aMember(['one'])
  const second = aMember(['one'])
  group.join(first)
  const old = first.claims[0]
  assert.ok(old)
  group.begin(old)
  group.join(second)
  group.leave(first)
  assert.ok(group.isReader(old), 'until the next one begins, what it finished counts')
  const fresh = second.claims[0]
  assert.ok(fresh)
  group.begin(fresh)
  assert.ok(!group.isReader(old) && group.isReader(fresh))
})
