import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { readRecords } from '../../../../contracts/bus-probe.ts'
import { busDirectory } from './bus-directory.ts'

const run = promisify(execFile)
const sender = fileURLToPath(new URL('./retrying-sender.ts', import.meta.url))
const canLimit = await run('prlimit', ['--version']).then(
  () => true,
  () => false,
)

test(
  'when the system refuses to write, sends are refused and nothing of them stays; later they pass again',
  { skip: canLimit ? false : 'there is no prlimit on this machine' },
  async (t) => {
    const directory = await busDirectory(t)
    const child = spawn(process.execPath, [sender, directory.file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.after(() => child.kill('SIGKILL'))
    const limit = async (size: string): Promise<void> => {
      await run('prlimit', [`--pid=${child.pid}`, `--fsize=${size}:unlimited`])
    }
    const taken: string[] = []
    const refused: string[] = []
    for await (const line of createInterface({ input: child.stdout })) {
      if (line === 'ready') await limit('2000000')
      else if (line.startsWith('taken')) taken.push(line.slice('taken '.length))
      else {
        assert.match(line, /^BUS_UNAVAILABLE \d+$/)
        refused.push(line.slice('BUS_UNAVAILABLE '.length))
        if (refused.length === 3) await limit('unlimited')
      }
    }
    if (child.exitCode === null) await once(child, 'exit')
    assert.equal(child.exitCode, 0)
    assert.ok(refused.length >= 3)
    const bus = await directory.open()
    const read = await readRecords(bus, { group: 'g', topics: ['events'] }, taken.length)
    const numbers = read.map(({ value }) => `${Number.parseInt(value.toString(), 10)}`)
    assert.deepEqual(numbers, taken)
    assert.equal((await bus.watermarks('events', 0)).high, BigInt(taken.length))
  },
)
