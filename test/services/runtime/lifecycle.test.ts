import assert from 'node:assert/strict'
import { test } from 'node:test'

import { pino } from 'pino'

import { Lifecycle } from '../../../services/runtime/lifecycle.ts'

const silent = pino({ level: 'silent' })

function part(name: string, stopped: string[]): AsyncDisposable {
  return {
    [Symbol.asyncDispose]: () => {
      stopped.push(name)
      return Promise.resolve()
    },
  }
}

test('parts stop in the opposite order of their start', async () => {
  const stopped: string[] = []
  const lifecycle = new Lifecycle(silent)
  for (const name of ['bus', 'ledger', 'edge']) lifecycle.add(part(name, stopped))
  await lifecycle[Symbol.asyncDispose]()
  assert.deepEqual(stopped, ['edge', 'ledger', 'bus'])
})

test('the signal aborts before the first part is stopped', async () => {
  const lifecycle = new Lifecycle(silent)
  let wasAborted = false
  lifecycle.onStop(() => {
    wasAborted = lifecycle.signal.aborted
    return Promise.resolve()
  })
  await lifecycle[Symbol.asyncDispose]()
  assert.ok(wasAborted)
})

test('background work that fails stops everything and sets the exit status', async (t) => {
  t.after(() => {
    process.exitCode = 0
  })
  const lifecycle = new Lifecycle(silent)
  lifecycle.background('ledger', Promise.reject(new Error('the disk is gone')))
  await new Promise((resolve) => {
    lifecycle.signal.addEventListener('abort', resolve)
  })
  assert.equal(process.exitCode, 1)
  await lifecycle[Symbol.asyncDispose]()
})

test('stopping waits for background work to end', async () => {
  const lifecycle = new Lifecycle(silent)
  let hasEnded = false
  const work = new Promise<void>((resolve) => {
    lifecycle.signal.addEventListener('abort', () => {
      setTimeout(() => {
        hasEnded = true
        resolve()
      }, 20)
    })
  })
  lifecycle.background('indexer', work)
  await lifecycle[Symbol.asyncDispose]()
  assert.ok(hasEnded)
})

test('work that fails while stopping is said, and stopping goes on', async () => {
  const lines: string[] = []
  const logger = pino({ level: 'error' }, { write: (line: string) => lines.push(line) })
  const lifecycle = new Lifecycle(logger)
  const work = Promise.withResolvers<undefined>()
  const watched = lifecycle.watch('ledger', work.promise)
  lifecycle.stop()
  work.reject(new Error('the disk is gone'))
  await watched
  await lifecycle[Symbol.asyncDispose]()
  assert.match(lines.join(''), /"part":"ledger".*a part failed while stopping/)
})
