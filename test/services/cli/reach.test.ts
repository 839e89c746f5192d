import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { TestContext } from 'node:test'

import { searchCommand } from '../../../services/cli/search.ts'

// Port 9 is nobody's here.
const nobody = 'http://127.0.0.1:9'

async function failureOf(...args: readonly string[]): Promise<string> {
  try {
    await searchCommand().parseAsync(args, { from: 'user' })
  } catch (error) {
    return (error as Error).message
  }
  return 'it did not fail'
}

describe('a command that finds no affidavit says where it looked, why there and what to do', () => {
  let directory = ''
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sign-in-'))
  })
  after(() => rm(directory, { recursive: true }))

  test('where nobody has signed in yet', async (t) => {
    const file = join(directory, 'none.json')
    const refused = Object.assign(new TypeError('fetch failed'), { code: 'ECONNREFUSED' })
    // Somebody may run it on this machine.
    t.mock.method(globalThis, 'fetch', () => Promise.reject(refused))
    assert.equal(
      await failureOf('x', '--sign-in', file),
      `nobody has signed in here yet, so no ${file} says where affidavit runs, and nothing answers at http://127.0.0.1:21400, where it runs by default. Start it, or say where it runs with --api`,
    )
  })

  test('where somebody has signed in', async () => {
    const file = join(directory, 'kept.json')
    const kept = { api: nobody, issuer: '', client_id: '', access_token: 'x', expires_at: 1e15 }
    await writeFile(file, JSON.stringify(kept))
    assert.equal(
      await failureOf('x', '--sign-in', file),
      `nothing answers at ${nobody}: is affidavit running there? The sign-in in ${file} was made there; say another place with --api`,
    )
  })

  test('where it was told to look', async () => {
    assert.equal(
      await failureOf('x', '--api', nobody, '--sign-in', join(directory, 'none.json')),
      `nothing answers at ${nobody}: is affidavit running there? Say where with --api`,
    )
  })

  test('where another program answers', async (t) => {
    const url = await anApi(t, 404, '')
    assert.equal(
      await failureOf('x', '--api', url, '--sign-in', join(directory, 'none.json')),
      `${url} does not answer like affidavit (status 404); say where it runs with --api`,
    )
  })

  test('where the issuer does not answer', async (t) => {
    const identity = { issuer: nobody, audience: 'a', cli_client_id: 'c', targets: [] }
    const url = await anApi(t, 200, JSON.stringify(identity))
    assert.equal(
      await failureOf('x', '--api', url, '--sign-in', join(directory, 'none.json')),
      `the issuer ${nobody}, where you would sign in, does not answer with a discovery document: can it be reached from here?`,
    )
  })
})

/** What answers everything like this. */
async function anApi(t: TestContext, status: number, body: string): Promise<string> {
  const server = createServer((_request, response) => response.writeHead(status).end(body))
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  t.after(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
