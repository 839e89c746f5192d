import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'

import { pino } from 'pino'

import { Cluster } from '../../../../../services/indexer/adapters/opensearch/cluster.ts'

test('a question that is given up ends with the reason of the signal, and nowhere else', async (t) => {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const faults: unknown[] = []
  const onFault = (fault: unknown): void => void faults.push(fault)
  process.on('uncaughtException', onFault)
  t.after(() => process.off('uncaughtException', onFault))

  await using cluster = new Cluster({
    nodes: [`http://127.0.0.1:${(server.address() as AddressInfo).port}`],
    username: null,
    password: null,
    ca: null,
    logger: pino({ enabled: false }),
  })
  const stopping = new AbortController()
  const asked = once(server, 'request')
  const written = cluster.bulk(Buffer.from('{"delete":{}}\n'), 'outcome', stopping.signal)
  await asked
  stopping.abort(new Error('stopping'))
  await assert.rejects(written, /^Error: stopping$/)
  await turn()
  assert.deepEqual(faults, [])
})
