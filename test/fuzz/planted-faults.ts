import { setTimeout as delay } from 'node:timers/promises'

import type { FuzzTarget } from './fuzz-target.ts'

/** Targets with a fault of each kind, by the query of this module's URL: whoever finds nothing in them finds nothing anywhere. */
const faults: Readonly<Record<string, FuzzTarget['run']>> = {
  error: (input) => {
    if (input[0] === 0x62) return second(input)
    return 'other'
  },
  slow: async () => {
    await delay(60)
    return 'slow'
  },
  hang: () => {
    for (;;);
  },
  memory: () => {
    const all: string[][] = []
    // Bit by bit: an allocation that is too large at once ends the whole process.
    for (let at = 0; ; at++) all.push([`${at}`])
  },
}

export function createTarget(): Promise<FuzzTarget> {
  const fault = faults[new URL(import.meta.url).search.slice(1)]
  if (fault === undefined) throw new RangeError('no such fault')
  return Promise.resolve({
    maxBytes: 8,
    maxMs: 50,
    seeds: [Buffer.from('seed')],
    words: ['b', 'u', 'g'],
    covers: ['planted-faults'],
    run: fault,
  })
}

// One block each, so that each step toward the fault runs code that had not run before.
function second(input: Buffer): string {
  if (input[1] === 0x75) return third(input)
  return 'other'
}

function third(input: Buffer): string {
  if (input[2] === 0x67) throw new Error('the planted fault')
  return 'other'
}
