import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'

import pg from 'pg'

import { initializeEdge } from '../../services/all-in-one/data-directory.ts'
import { issueSession, tokenOfAgent } from '../../services/all-in-one/demo/demo-access.ts'
import { startEdges } from '../../services/all-in-one/edges.ts'
import { startProduct } from '../../services/all-in-one/product.ts'
import type { Product } from '../../services/all-in-one/product.ts'
import type { EdgeConfig } from '../../services/runtime/config.ts'
import { Lifecycle } from '../../services/runtime/lifecycle.ts'
import { createLogger } from '../../services/runtime/logger.ts'
import { demoStack, eventually } from '../support/demo-stack.ts'
import type { DemoStack } from '../support/demo-stack.ts'
import { freePorts } from '../support/free-ports.ts'
import { apiVkey, untilTokenTold } from '../support/until-token-told.ts'

const logger = createLogger('error')

let stack: DemoStack
let product: Product
let publicUrl: string

before(async () => {
  stack = await demoStack()
  product = stack.demo.product
  publicUrl = stack.demo.config.api.publicUrl
})

after(async () => {
  await product[Symbol.asyncDispose]()
  await stack[Symbol.asyncDispose]()
})

interface EdgeAddress {
  readonly port: number
  readonly ca: string
}

function firstEdge(): EdgeAddress {
  const { ports } = stack.demo
  return { port: ports.edge, ca: readFileSync(product.edgeCertificateFile, 'utf8') }
}

/** What an edge says to this token as a password: `in`, or the SQLSTATE. */
async function signIn(token: string, { port, ca } = firstEdge()): Promise<string> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    database: 'shop',
    user: 'jwt',
    password: token,
    ssl: { ca },
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

/** What the api says to this token: `exchanged`, or why not. */
async function exchange(token: string): Promise<string> {
  try {
    await issueSession(publicUrl, token)
    return 'exchanged'
  } catch (error) {
    return (error as Error).message
  }
}

async function aToken(): Promise<string> {
  return (await stack.demo.tokenOf('olivia')).accessToken
}

async function restart(): Promise<void> {
  await product[Symbol.asyncDispose]()
  product = await startProduct(stack.demo.config, logger)
}

/** Another edge before the same target, with a data directory of its own; disposing stops it. */
async function anotherEdge(config: EdgeConfig): Promise<AsyncDisposable & EdgeAddress> {
  const lifecycle = new Lifecycle(logger)
  const { bus } = product
  const { certificatePem } = await startEdges({
    config,
    bus,
    apiVkey: await apiVkey(stack.demo.config.dataDirectory),
    lifecycle,
    logger,
  })
  return {
    port: config.targets[0]?.port ?? 0,
    ca: certificatePem,
    [Symbol.asyncDispose]: () => lifecycle[Symbol.asyncDispose](),
  }
}

async function configOfEdge(id: string): Promise<EdgeConfig> {
  const { config } = stack.demo
  const port = await freePorts(1)
  const dataDirectory = join(stack.directory, id)
  mkdirSync(dataDirectory)
  const other = {
    ...config,
    dataDirectory,
    edge: { ...config.edge, id },
    targets: config.targets.map((target) => ({ ...target, port })),
  }
  await initializeEdge(other)
  return other
}

test('a token of the issuer is the password, for the person and for the agent that acts for her', async () => {
  const accessToken = await aToken()
  assert.equal(await signIn(accessToken), 'in')
  assert.equal(await signIn(accessToken), '28P01')
  const delegated = await tokenOfAgent(stack.demo.issuer, publicUrl)
  assert.equal(await signIn(delegated.accessToken), 'in')
  const sessions = await eventually('two sessions that are sealed', async () => {
    const { hits } = await product.query.search({ kind: 'session.started' })
    return hits.length >= 2 ? hits : null
  })
  assert.deepEqual(sessions.map(({ actorKind }) => actorKind).toSorted(), ['agent', 'human'])
})

test('a token that was exchanged at the api is no password at any edge, also after a restart', async () => {
  const other = await configOfEdge('edge-2')
  const token = await aToken()
  {
    await using second = await anotherEdge(other)
    const session = await issueSession(publicUrl, token)
    const client = new pg.Client({ ...session, ssl: { ca: session.ca } })
    await client.connect()
    await client.end()
    assert.equal(await signIn(token), '28P01')
    assert.equal(await signIn(token, second), '28P01')
    assert.equal(await signIn(await aToken(), second), 'in', 'another token does')
  }
  await restart()
  await using second = await anotherEdge(other)
  assert.equal(await signIn(token), '28P01')
  assert.equal(await signIn(token, second), '28P01')
})

test('a token that an edge took is not exchanged, nor taken at another edge, also after a restart', async () => {
  const other = await configOfEdge('edge-3')
  const token = await aToken()
  {
    await using second = await anotherEdge(other)
    assert.equal(await signIn(token), 'in')
    await untilTokenTold(product.bus, stack.demo.config.dataDirectory, token)
    assert.match(await exchange(token), /token-used/)
    assert.equal(await signIn(token, second), '28P01')
  }
  await restart()
  await using second = await anotherEdge(other)
  assert.match(await exchange(token), /token-used/)
  assert.equal(await signIn(token, second), '28P01')
  assert.equal(await exchange(await aToken()), 'exchanged')
})
