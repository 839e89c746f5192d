import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'

import type { AuditEvent, ResponsePart } from '../../../schemas/event.ts'
import { formatTlogProof } from '../../ledger/proof/tlog-proof.ts'
import type { Entry, LedgerReader } from '../../ledger/reader.ts'
import type { ActionAudit } from '../action-audit.ts'
import { viewed } from '../evidence-use.ts'
import { Problem } from '../problem.ts'
import { eventOf } from '../sealed-event.ts'
import { readableResult, readableText } from '../recorded-result.ts'
import type { ReadableResult } from '../recorded-result.ts'
import {
  EntryParameters,
  EntryView,
  LogList,
  LogQuery,
  ProofView,
  RecordedResult,
} from '../schemas/entries.ts'

export interface EntryRoutesOptions {
  readonly reader: LedgerReader
  readonly audit: ActionAudit
}

/** Sealed entries and their proofs, straight from the ledger. */
export const entryRoutes: FastifyPluginCallbackTypebox<EntryRoutesOptions> = (
  app,
  options,
  done,
) => {
  const { reader, audit } = options

  app.get(
    '/v1/logs',
    { schema: { summary: 'The logs and their newest checkpoints', response: { 200: LogList } } },
    async (request) => {
      await request.permitted('read_evidence')
      const logs = await reader.logs()
      return { logs: logs.map((log) => ({ ...log, root: log.root.toString('base64') })) }
    },
  )

  app.get(
    '/v1/entries/:position',
    {
      schema: {
        summary: 'One sealed entry with its event',
        params: EntryParameters,
        querystring: LogQuery,
        response: { 200: EntryView },
      },
    },
    async (request) => {
      const actor = await request.permitted('read_evidence')
      const entry = await readEntry(reader, request.query.log, request.params.position)
      await audit.record(request, actor, viewed('entry', `${entry.log}:${entry.position}`))
      const event = eventOf(entry)
      const response = event?.response
      return {
        log: entry.log,
        position: entry.position,
        leaf: entry.leaf,
        leafBase64: entry.leafBytes.toString('base64'),
        leafHash: entry.leafHash.toString('base64'),
        payloadBase64: entry.payload?.toString('base64') ?? null,
        saltBase64: entry.salt?.toString('base64') ?? null,
        event: event === null ? null : readableEvent(event),
        statement: event?.request == null ? null : readableText(event.request.statement),
        parameters: (event?.request?.parameters ?? []).map((parameter) => ({
          format: parameter.format,
          value: parameter.value === null ? null : parameterText(parameter.format, parameter.value),
          bytes: parameter.value_bytes,
        })),
        result: response == null ? null : mutable(readableResult([response])),
      }
    },
  )

  app.get(
    '/v1/results',
    {
      schema: {
        summary: 'The recorded result whose parts lie at these positions',
        querystring: Type.Object({
          log: LogQuery.properties.log,
          positions: Type.String({
            pattern: '^\\d+(,\\d+){0,999}$',
            description: 'Positions of response.recorded and request.completed, in order',
          }),
        }),
        response: { 200: RecordedResult },
      },
    },
    async (request) => {
      const actor = await request.permitted('read_evidence')
      const parts: ResponsePart[] = []
      for (const position of request.query.positions.split(',').map(Number)) {
        const response = eventOf(await readEntry(reader, request.query.log, position))?.response
        if (response != null) parts.push(response)
      }
      await audit.record(
        request,
        actor,
        viewed('entry', `${request.query.log}:${request.query.positions}`, {
          query: 'result',
          results: parts.length,
        }),
      )
      return mutable(readableResult(parts.sort((a, b) => a.chunk - b.chunk)))
    },
  )

  app.get(
    '/v1/entries/:position/proof',
    {
      schema: {
        summary: 'The proof that an entry is in its log',
        params: EntryParameters,
        querystring: LogQuery,
        response: { 200: ProofView },
      },
    },
    async (request) => {
      await request.permitted('read_evidence')
      const { log } = request.query
      const { position } = request.params
      const entry = await readEntry(reader, log, position)
      const head = await reader.head(log)
      if (position >= head.size) {
        throw new Problem(
          'unavailable',
          'no checkpoint covers this entry yet; ask again in a second',
        )
      }
      const path = await reader.inclusionProof(log, position, head.size)
      return {
        log,
        position,
        size: head.size,
        leafBase64: entry.leafBytes.toString('base64'),
        leafHash: entry.leafHash.toString('base64'),
        path: path.map((hash) => hash.toString('base64')),
        root: head.root.toString('base64'),
        checkpoint: head.checkpoint,
        vkey: head.vkey,
        tlogProof: formatTlogProof({
          index: position,
          path: [...path],
          checkpoint: head.checkpoint,
        }),
      }
    },
  )
  done()
}

async function readEntry(reader: LedgerReader, log: string, position: number): Promise<Entry> {
  try {
    return await reader.entry(log, position)
  } catch (cause) {
    const code = (cause as { code?: unknown }).code
    if (code === 'LEDGER_LOG_UNKNOWN') throw new Problem('not-found', `no log is called ${log}`)
    if (code === 'LEDGER_POSITION_UNKNOWN') {
      throw new Problem('not-found', `${log} has no entry at ${position}`)
    }
    throw cause
  }
}

function parameterText(format: number, value: Buffer): string {
  return format === 1 ? `\\x${value.toString('hex')}` : readableText(value)
}

/** The event as JSON: bytes in hex, but for what is shown as text beside it. */
function readableEvent(event: AuditEvent): unknown {
  const shown = {
    ...event,
    request: event.request === null ? null : { ...event.request, statement: null },
    response: event.response === null ? null : { ...event.response, content: null },
  }
  return JSON.parse(
    JSON.stringify(shown, (_name, value: unknown) =>
      isBufferJson(value) ? Buffer.from(value.data).toString('hex') : value,
    ),
  )
}

function isBufferJson(value: unknown): value is { type: 'Buffer'; data: number[] } {
  return (
    typeof value === 'object' && value !== null && (value as { type?: unknown }).type === 'Buffer'
  )
}

function mutable(result: ReadableResult) {
  return {
    ...result,
    results: result.results.map(({ columns, rows }) => ({
      columns: [...columns],
      rows: rows.map((row) => [...row]),
    })),
  }
}
