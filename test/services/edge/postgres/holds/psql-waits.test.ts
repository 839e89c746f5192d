import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { requireProgram } from '../../../../support/engine.ts'
import { numbersTarget } from './numbers-target.ts'
import { aWaitingEdge } from './waiting-edge.ts'
import type { WaitingEdge } from './waiting-edge.ts'

const numbers = numbersTarget()

/** psql at work, as somebody at a terminal sees it. */
interface AtWork {
  readonly edge: WaitingEdge
  readonly child: ChildProcessWithoutNullStreams
  /** Up to its first line break, and it has not ended. */
  readonly firstError: Promise<string>
  readonly ended: Promise<{
    readonly out: string
    readonly err: string
    readonly status: number | null
  }>
}

/** Null, and the test skipped, where there is no psql. */
async function aPsql(t: TestContext, statement: string): Promise<AtWork | null> {
  const program = requireProgram(t, 'psql')
  if (program === null) return null
  const edge = await aWaitingEdge(t, numbers.server)
  const { host, port, user, password, database } = edge.client
  const child = spawn(program, ['--no-psqlrc', '-c', statement], {
    env: {
      PATH: process.env['PATH'],
      LC_ALL: 'C.UTF-8',
      PGHOST: host,
      PGPORT: String(port),
      PGUSER: user,
      PGPASSWORD: password,
      PGDATABASE: database,
      PGSSLMODE: 'disable',
    },
  })
  t.after(() => child.kill('SIGKILL'))
  child.stdin.end()
  const firstError = once(child.stderr, 'data').then(([chunk]) => String(chunk))
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]).then(
    ([out, err]) => ({ out, err, status: child.exitCode }),
  )
  return { edge, child, firstError, ended }
}

test('psql says at once that it waits, for what and until when, and then what became of it', async (t) => {
  const psql = await aPsql(t, 'DELETE FROM numbers WHERE n = 1')
  if (psql === null) return
  const asked = await psql.edge.asked()
  const id = asked.approval?.approval_id ?? ''
  const told = await psql.firstError
  assert.match(told, new RegExp(`^NOTICE:  held for approval ${id}: waiting for it until 20`))
  assert.equal(psql.child.exitCode, null)
  psql.edge.answer(asked)
  const { out, err, status } = await psql.ended
  assert.equal(out, 'DELETE 1\n')
  assert.match(err, new RegExp(`\nHINT:  .*affidavit approvals approve ${id} --reason`))
  assert.equal(status, 0)
})

test('a no comes with the approver’s words', async (t) => {
  const psql = await aPsql(t, 'DELETE FROM numbers WHERE n = 2')
  if (psql === null) return
  psql.edge.answer(await psql.edge.asked(), 'deny')
  const { err, status } = await psql.ended
  assert.match(err, /\nERROR: {2}approval [0-9a-f-]{36} was denied by Nia Novák: looked at it\n/)
  assert.equal(status, 1)
})

test('Ctrl-C stops waiting', async (t) => {
  const psql = await aPsql(t, 'DELETE FROM numbers WHERE n = 3')
  if (psql === null) return
  await psql.firstError
  psql.child.kill('SIGINT')
  const { err, status } = await psql.ended
  assert.match(err, /Cancel request sent\nERROR: {2}canceling statement due to user request\n/)
  assert.equal(status, 1)
  assert.equal(psql.edge.recorder.of('request.completed')[0]?.completion?.outcome, 'cancelled')
})
