import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'

import pg from 'pg'

import { issueSession, tokenOfAgent } from '../../services/all-in-one/demo/demo-access.ts'
import { demoStack, eventually } from '../support/demo-stack.ts'
import type { DemoStack } from '../support/demo-stack.ts'

let stack: DemoStack
let publicUrl: string

before(async () => {
  stack = await demoStack()
  publicUrl = stack.demo.config.api.publicUrl
})

after(() => stack[Symbol.asyncDispose]())

/** What the edge says to this token as a password: whom it let in as, or the SQLSTATE. */
async function signIn(token: string): Promise<string> {
  const { demo } = stack
  const client = new pg.Client({
    host: '127.0.0.1',
    port: demo.ports.edge,
    database: 'shop',
    user: 'jwt',
    password: token,
    ssl: { ca: readFileSync(demo.product.edgeCertificateFile, 'utf8') },
  })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query('SELECT count(*) FROM orders')
    await client.end()
    return 'in'
  } catch (error) {
    return (error as pg.DatabaseError).code ?? (error as Error).message
  }
}

test('a token of the issuer is the password, for the person and for the agent that acts for her', async () => {
  const { demo } = stack
  const { accessToken } = await demo.tokenOf('olivia')
  assert.equal(await signIn(accessToken), 'in')
  assert.equal(await signIn(accessToken), '28P01')
  const delegated = await tokenOfAgent(demo.issuer, publicUrl)
  assert.equal(await signIn(delegated.accessToken), 'in')
  const sessions = await eventually('two sessions that are sealed', async () => {
    const { hits } = await demo.product.query.search({ kind: 'session.started' })
    return hits.length >= 2 ? hits : null
  })
  assert.deepEqual(sessions.map(({ actorKind }) => actorKind).toSorted(), ['agent', 'human'])
})

test('a token is exchanged or is the password, not both', async () => {
  const { accessToken } = await stack.demo.tokenOf('olivia')
  const session = await issueSession(publicUrl, accessToken)
  const client = new pg.Client({ ...session, ssl: { ca: session.ca } })
  await client.connect()
  await client.end()
  assert.equal(await signIn(accessToken), '28P01')
})
