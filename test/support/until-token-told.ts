import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { decodeJwt } from 'jose'

import { openControlRecord } from '../../schemas/control-record.ts'
import { tokenSha256 } from '../../schemas/control.ts'
import type { Bus } from '../../services/bus/bus.ts'
import { followTopic } from '../../services/bus/follow-topic.ts'
import { topics } from '../../services/bus/topics.ts'
import { parseVkey } from '../../services/ledger/proof/note.ts'
import { dataPaths } from '../../services/runtime/config.ts'

/** Resolves when all edges were told, signed by the api of this data directory, that the token was used at one. */
export async function untilTokenTold(
  bus: Bus,
  dataDirectory: string,
  token: string,
): Promise<void> {
  const { key: vkey } = parseVkey(await apiVkey(dataDirectory))
  const sha256 = tokenSha256(decodeJwt(token).jti ?? '')
  const stop = new AbortController()
  const told = Promise.withResolvers<undefined>()
  const { done } = followTopic({
    bus,
    group: `test-${sha256}`,
    topic: topics.controlUpdates,
    take: (record) => {
      const opened = openControlRecord(record, vkey)
      if (!opened.ok || opened.update.kind !== 'token') return
      if (opened.update.token_sha256 === sha256) told.resolve(undefined)
    },
    signal: stop.signal,
  })
  await told.promise
  stop.abort()
  await done
}

/** The verifier key of what the api of this data directory signs. */
export async function apiVkey(dataDirectory: string): Promise<string> {
  const text = await readFile(join(dataPaths(dataDirectory).public, 'api.vkey'), 'utf8')
  return text.trim()
}
