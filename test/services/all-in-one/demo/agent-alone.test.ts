import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'

import { runAgentAlone } from '../../../../services/all-in-one/demo/agent-alone.ts'
import type { DemoSignIn } from '../../../../services/all-in-one/demo/demo-sign-in.ts'
import { demoStack } from '../../../support/demo-stack.ts'

test('the agent works through an edge and an api that it knows by their addresses only', async () => {
  await using stack = await demoStack()
  const { demo, directory } = stack
  const lines: string[] = []
  const signIns: DemoSignIn[] = []
  const options = {
    issuer: demo.issuer.url,
    issuerDirectory: join(directory, 'issuer'),
    api: demo.product.address,
    audience: demo.config.identity.audience,
    // Another name of the same edge, which its certificate holds.
    edgeHost: 'localhost',
    tell: (line: string) => lines.push(line),
    keepSignIn: (signIn: DemoSignIn) => signIns.push(signIn),
  }
  await runAgentAlone(options)
  assert.ok(lines.some((line) => /DROP TABLE customers\s+refused 42501/.test(line)))
  const [, position, log] = /position (\d+) of (\S+)$/.exec(lines.at(-1) ?? '') ?? []
  const entry = await demo.product.reader.entry(log ?? '', Number(position))
  assert.ok(entry)

  const [signIn] = signIns
  const found = await fetch(new URL('/v1/search?text=drop%20table', demo.product.address), {
    headers: { authorization: `Bearer ${signIn?.access_token}` },
  })
  assert.equal(found.status, 200)

  await assert.rejects(runAgentAlone({ ...options, issuerDirectory: directory }), {
    code: 'DEMO_ISSUER_MISSING',
  })
})
