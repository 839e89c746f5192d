import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'

import { Client } from 'pg'

import { aDeployment } from '../support/deployment.ts'
import { until } from '../support/until.ts'

const policy = `version: 1
name: numbers
default: block
rules:
  - id: writes-wait
    targets: [numbers]
    actors: { kinds: [human] }
    statements: [write]
    relations: { write: [public.numbers] }
    outcome: hold
    approval: { role: approvers, expires_seconds: 600 }
    reason: somebody else looks at it first
`

test('a chat tool is told, by a signed message, of what waits for approval', async (t) => {
  const secret = randomBytes(32)
  const told: { readonly signed: string; readonly mac: string; readonly body: string }[] = []
  const receiver = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (part: string) => (body += part))
    request.on('end', () => {
      const { headers } = request
      const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`
      told.push({ signed, mac: String(headers['webhook-signature']), body })
      response.writeHead(204).end()
    })
  })
  await once(receiver.listen(0, '127.0.0.1'), 'listening')
  t.after(() => receiver.close())
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`
  await using deployment = await aDeployment({
    policy,
    sections: `webhooks: [{ name: chat, url: "${url}", secret_file: ./hook.secret }]\n`,
  })
  const file = join(deployment.directory, 'hook.secret')
  await writeFile(file, `whsec_${secret.toString('base64')}\n`, { mode: 0o600 })
  const product = await deployment.start()

  const { host, port, database, user, password } = await deployment.sessionPassword()
  const client = new Client({
    host,
    port,
    database,
    user,
    password,
    ssl: { rejectUnauthorized: false },
  })
  await client.connect()
  const statement = 'INSERT INTO numbers VALUES (4711)'
  await assert.rejects(client.query(statement), { code: '42501' })
  await client.end()
  await until(() => told.length > 0)

  const [message] = told
  assert.ok(message !== undefined, product.said)
  const mac = createHmac('sha256', secret).update(message.signed).digest('base64')
  assert.equal(message.mac, `v1,${mac}`)
  const { type, data } = JSON.parse(message.body) as Record<'type' | 'data', unknown>
  assert.equal(type, 'approval.requested')
  assert.partialDeepStrictEqual(data, {
    by: { kind: 'human', subject: 'olivia' },
    target: 'numbers',
    rules: [{ rule: 'writes-wait', role: 'approvers', approvers: 1 }],
    database: 'numbers',
  })
  const { sealed } = data as { readonly sealed: { readonly position: unknown } }
  assert.equal(typeof sealed.position, 'number')
  assert.ok(!message.body.includes('4711') && !message.body.includes('INSERT'))
  assert.equal(await product.stop(), 0, product.said)
})
