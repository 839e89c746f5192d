import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'

import { initLedger, openLedger } from '../../services/ledger/adapters/files/open.ts'
import { aBus, ledgerOptions } from './a-ledger.ts'
import { until } from './until.ts'

/**
 * Runs a ledger under load in a process of its own, kills it with SIGKILL at random moments, starts it again each time, and then
 * checks that everything that was acknowledged is sealed exactly once and that the whole ledger verifies. Returns how many
 * events were acknowledged.
 */
export async function killLedgerAgainAndAgain(
  directory: string,
  kills: number,
  random: () => number,
): Promise<number> {
  const options = { ...(await ledgerOptions(directory)), segmentBytes: 50_000 }
  await initLedger(options)
  let acknowledged = 0
  for (let kill = 0; kill < kills; kill++) {
    acknowledged = await runAndKill(directory, acknowledged, random)
  }

  await using bus = await aBus(directory)
  await using ledger = await openLedger(options)
  const stop = new AbortController()
  const running = ledger.run(bus, stop.signal)
  const { high } = await bus.watermarks(options.topic, 0)
  // Every record, and the genesis.
  await until(() => ledger.durableEntries === Number(high) + 1)
  stop.abort()
  await running
  const { problems } = await ledger.verify()
  assert.deepEqual(problems, [])

  const sealed = new Set<number>()
  const [head] = await ledger.reader.logs()
  assert.ok(head)
  let nextOffset = 0
  for await (const { leaf } of ledger.reader.entries(head.origin, 1, head.size)) {
    assert.ok(leaf.type === 'event' && leaf.off === nextOffset, 'each offset once, in order')
    nextOffset++
    if (leaf.dupOf === undefined) {
      assert.ok(!sealed.has(leaf.pseq), `event ${leaf.pseq} is sealed twice`)
      sealed.add(leaf.pseq)
    }
  }
  for (let number = 0; number < acknowledged; number++) {
    assert.ok(sealed.has(number), `event ${number} was acknowledged and is not sealed`)
  }
  return acknowledged
}

/** Returns the number after the last acknowledged one. */
async function runAndKill(directory: string, first: number, random: () => number): Promise<number> {
  const program = new URL('./sequence-ledger.ts', import.meta.url).pathname
  const child = spawn(process.execPath, [program, directory, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  let output = ''
  child.stdout.setEncoding('utf8')
  child.stdout.on('data', (text: string) => {
    output += text
  })
  await Promise.race([once(child.stdout, 'data'), exited])
  await pause(random() * 150)
  assert.equal(child.exitCode, null, 'the ledger ended by itself')
  child.kill('SIGKILL')
  await exited
  // A last line without its end may be half a number.
  const numbers = output.split('\n').slice(0, -1).map(Number)
  return Math.max(first, (numbers.at(-1) ?? -1) + 1)
}
