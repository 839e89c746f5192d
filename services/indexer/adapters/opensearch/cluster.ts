import { Client, errors } from '@opensearch-project/opensearch'

import { IndexError } from '../../search-index.ts'
import type { Logger } from '../../../runtime/logger.ts'
import { backOff } from './backoff.ts'
import type { Pause } from './backoff.ts'
import { isRecord } from './bulk-reply.ts'
import type { BulkReply } from './bulk-reply.ts'
import type { BulkAnswer } from './bulk-writer.ts'

export interface ClusterOptions {
  readonly nodes: readonly string[]
  readonly username: string | null
  readonly password: string | null
  /** PEM, for `https:` nodes with a certificate of one's own; null: those the system trusts. */
  readonly ca: string | null
  readonly logger: Logger
}

export interface Call {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | boolean>>
  readonly body?: unknown
  /** Statuses that are answers, not errors. */
  readonly expected?: readonly number[]
}

export interface Answer {
  readonly status: number
  readonly body: Record<string, unknown>
}

/** An answer that is an error. Its message may show parts of documents: it belongs in no process log. */
export class ClusterError extends Error {
  override readonly name = 'ClusterError'
  /** 0: there was no answer. */
  readonly status: number
  readonly type: string

  constructor(status: number, type: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.status = status
    this.type = type
  }
}

/** The type of an error that TLS ended with: the node's certificate is not one to trust. */
const notTrusted = 'certificate_not_trusted'
const requestTimeoutMs = 30_000
/** A request that waits for a primary shard gives up before the client does, so that the answer says why. */
const bulkTimeout = '5s'
const bulkOutcome = 'error,status,items.*.status,items.*.error'
const bulkAnswers: Readonly<Record<BulkAnswer, string>> = {
  outcome: bulkOutcome,
  'outcome and version': `${bulkOutcome},items.*._seq_no,items.*._primary_term`,
}

/**
 * The connections. The client's own retries are off: they come without any pause. In what is asked numbers beyond 2^53 stay exact, so
 * that no cursor goes round in circles; of what is written there are none in the answers, and looking for them would cost as much as
 * reading those.
 */
export class Cluster implements AsyncDisposable {
  readonly #client: Client
  readonly #bulkClient: Client
  readonly #logger: Logger
  readonly #pause: Pause

  constructor(options: ClusterOptions, pause: Pause = backOff) {
    const { username, password, ca } = options
    const common = {
      nodes: [...options.nodes],
      maxRetries: 0,
      requestTimeout: requestTimeoutMs,
      ...(username === null || password === null ? {} : { auth: { username, password } }),
      ...(ca === null ? {} : { ssl: { ca } }),
    }
    this.#client = new Client({ ...common, enableLongNumeralSupport: true })
    this.#bulkClient = new Client(common)
    this.#logger = options.logger
    this.#pause = pause
  }

  /** Asks once. Throws `ClusterError`. */
  async ask(call: Call, signal?: AbortSignal): Promise<Answer> {
    const { method, path, query, body, expected } = call
    const request = this.#client.transport.request(
      {
        method,
        path,
        ...(query === undefined ? {} : { querystring: { ...query } }),
        ...(body === undefined ? {} : { body: body as Record<string, unknown> }),
      },
      { ignore: [...(expected ?? [])] },
    )
    return await answered(request, signal, ({ statusCode, body }) => {
      // The client makes a boolean of an answer that has no body.
      if (method === 'HEAD') return { status: statusCode ?? 0, body: {} }
      if (!isRecord(body)) {
        throw new ClusterError(0, 'no_json', `what answered ${method} ${path} is not OpenSearch`)
      }
      return { status: statusCode ?? 0, body }
    })
  }

  /** Asks until there is an answer, however long that takes, or the signal aborts. */
  async insist(call: Call, signal: AbortSignal): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.ask(call, signal)
      } catch (error) {
        signal.throwIfAborted()
        if (!(error instanceof ClusterError) || !isPassing(error)) throw failed(call, error)
        if (attempt <= 3 || attempt % 20 === 0) {
          const { status, type } = error
          this.#logger.warn(
            { attempt, status, type, path: call.path },
            'OpenSearch did not answer; again',
          )
        }
        try {
          await this.#pause(attempt, signal)
        } catch {
          signal.throwIfAborted()
        }
      }
    }
  }

  /** Makes an index unless it is there. */
  async createIndex(index: string, body: object, signal: AbortSignal): Promise<void> {
    const call: Call = { method: 'PUT', path: `/${index}`, body, expected: [400] }
    const answer = await this.insist(call, signal)
    const { error } = answer.body
    const type = isRecord(error) && typeof error['type'] === 'string' ? error['type'] : undefined
    if (type === undefined || type === 'resource_already_exists_exception') return
    throw failed(call, new ClusterError(answer.status, type, ''))
  }

  /** One `_bulk` request. Rejects when there was no answer; whatever was answered is for the caller to judge. */
  async bulk(lines: Buffer, wanted: BulkAnswer, signal: AbortSignal): Promise<BulkReply> {
    const request = this.#bulkClient.transport.request({
      method: 'POST',
      path: '/_bulk',
      querystring: { timeout: bulkTimeout, filter_path: bulkAnswers[wanted] },
      bulkBody: lines,
    })
    try {
      return await answered(request, signal, (response) => ({
        statusCode: response.statusCode ?? 0,
        body: response.body as unknown,
      }))
    } catch (error) {
      if (error instanceof ClusterError && error.cause instanceof errors.ResponseError) {
        return { statusCode: error.status, body: error.cause.body as unknown }
      }
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#client.close(), this.#bulkClient.close()])
  }
}

interface Request<T> extends Promise<T> {
  abort(): void
}

async function answered<R, T>(
  request: Request<R>,
  signal: AbortSignal | undefined,
  read: (response: R) => T,
): Promise<T> {
  const abort = (): void => {
    // What it gives is a promise in disguise; returned to the signal, its rejection would be a fault nobody caught.
    request.abort()
  }
  signal?.addEventListener('abort', abort, { once: true })
  try {
    return read(await request)
  } catch (error) {
    signal?.throwIfAborted()
    throw clusterError(error)
  } finally {
    signal?.removeEventListener('abort', abort)
  }
}

function clusterError(error: unknown): ClusterError {
  if (error instanceof ClusterError) return error
  if (error instanceof errors.ResponseError) {
    const body: unknown = error.body
    const detail = isRecord(body) && isRecord(body['error']) ? body['error'] : {}
    const type = typeof detail['type'] === 'string' ? detail['type'] : error.message
    return new ClusterError(error.statusCode, type, `${type}: ${String(detail['reason'])}`, {
      cause: error,
    })
  }
  const message = error instanceof Error ? error.message : String(error)
  // The client keeps nothing of it but the message.
  if (error instanceof errors.ConnectionError && /certificate|altnames/i.test(message)) {
    return new ClusterError(0, notTrusted, message, { cause: error })
  }
  const type = error instanceof Error ? error.name : 'unknown'
  return new ClusterError(0, type, message, { cause: error })
}

/** Whether the same call may succeed later without anybody changing anything. */
function isPassing({ status, type }: ClusterError): boolean {
  if (type === notTrusted) return false
  return status === 0 || status === 408 || status === 429 || status >= 500
}

function failed(call: Call, error: unknown): IndexError {
  if (error instanceof ClusterError && error.type === notTrusted) {
    return new IndexError(
      'INDEX_FAILED',
      `OpenSearch's certificate is not trusted (${error.message}): see search.opensearch.ca_file and the names in search.opensearch.nodes`,
      { cause: error },
    )
  }
  const detail = error instanceof ClusterError ? `${error.status} ${error.type}` : String(error)
  return new IndexError(
    'INDEX_FAILED',
    `OpenSearch refuses ${call.method} ${call.path}: ${detail}`,
    {
      cause: error,
    },
  )
}
