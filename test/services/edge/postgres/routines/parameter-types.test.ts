import assert from 'node:assert/strict'
import { test } from 'node:test'

import {
  anActor,
  directClient,
  MemoryCredentials,
  password,
  startEdge,
  startTarget,
} from '../edge-fixture.ts'
import { rawClient } from '../raw-client.ts'
import { allowing, policyOf, routinesAt } from './routines-target.ts'

test('a parameter of a type that checks its values is a call, also where only the protocol says its type', async () => {
  await using target = await startTarget()
  const owner = await directClient(target)
  await owner.query(`
    CREATE SEQUENCE ran;
    CREATE FUNCTION checked(text) RETURNS boolean LANGUAGE sql AS $$ SELECT nextval('ran') > 0 $$;
    CREATE DOMAIN code AS text CHECK (public.checked(VALUE))`)
  const { rows } = await owner.query<{ oid: number }>("SELECT 'code'::regtype::oid AS oid")
  const routines = routinesAt(target)
  await routines.refresh(AbortSignal.timeout(10_000))
  const credentials = new MemoryCredentials()
  credentials.issue('agent', password, { target: 'r', actor: anActor })
  const edgeUnder = (...functions: readonly string[]) =>
    startEdge(target, {
      plain: true,
      target: { name: 'r' },
      options: { guard: { credentials, policy: policyOf(routines, allowing(...functions)) } },
    })
  const types = [rows[0]?.oid ?? 0]
  const parse = {
    type: 'parse',
    statement: 's',
    text: Buffer.from('SELECT $1'),
    parameterTypes: types,
  } as const
  const value = { format: 0, value: Buffer.from('x') }
  const bind = {
    type: 'bind',
    portal: '',
    statement: 's',
    parameters: [value],
    resultFormats: [],
  } as const
  const execute = { type: 'execute', portal: '', maxRows: 0 } as const
  const sync = { type: 'sync' } as const
  const hasRun = async (): Promise<boolean> =>
    (await owner.query<{ ran: boolean }>('SELECT is_called AS ran FROM ran')).rows[0]?.ran === true

  {
    await using edge = await edgeUnder()
    const client = await rawClient(edge)
    await client.send([parse, bind, execute, sync])
    const { errors } = await client.answer()
    assert.deepEqual(errors, ['42501'])
    // A name that SQL uses as well.
    await client.send([parse, sync])
    await client.answer()
    await client.send([{ type: 'query', text: Buffer.from("EXECUTE s('x')") }])
    assert.deepEqual((await client.answer()).errors, ['42501'])
    client.socket.destroy()
    assert.equal(await hasRun(), false)
  }
  await using edge = await edgeUnder('public.checked')
  const client = await rawClient(edge)
  await client.send([parse, bind, execute, sync])
  assert.deepEqual((await client.answer()).rows, [['x']])
  client.socket.destroy()
  assert.equal(await hasRun(), true)
  await owner.end()
})
