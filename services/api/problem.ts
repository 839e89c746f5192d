import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import { QueryError } from '../indexer/query.ts'
import { systemClock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logger.ts'
import { OnceAMinute } from '../runtime/once-a-minute.ts'

/** RFC 9457 answers. The only place where an error becomes an HTTP status. */

const problems = {
  'not-signed-in': { status: 401, title: 'You are not signed in' },
  'token-refused': { status: 401, title: 'The token was refused' },
  'not-allowed': { status: 403, title: 'This is not for you' },
  'review-overdue': { status: 403, title: 'A break-glass waits too long for its review' },
  'locked-out': { status: 403, title: 'An operator has locked this out' },
  'cross-site': { status: 403, title: 'The request came from another site' },
  'not-found': { status: 404, title: 'There is no such thing' },
  'input-invalid': { status: 400, title: 'The request is not as expected' },
  'token-used': { status: 409, title: 'This token was used before' },
  busy: { status: 409, title: 'This is being done already' },
  'too-many': { status: 429, title: 'Too many requests' },
  'not-recorded': { status: 503, title: 'The action could not be recorded, so it was not done' },
  unavailable: { status: 503, title: 'This is not available now' },
  internal: { status: 500, title: 'Something failed here' },
} as const

export type ProblemType = keyof typeof problems

export class Problem extends Error {
  override readonly name = 'Problem'
  readonly type: ProblemType

  /** `detail` is for the person who asked: what, where, what to do. */
  constructor(type: ProblemType, detail: string, options?: ErrorOptions) {
    super(detail, options)
    this.type = type
  }
}

export function answerProblems(app: FastifyInstance, logger: Logger, clock = systemClock): void {
  const words = new OnceAMinute(clock)
  app.setErrorHandler((error: FastifyError | Problem | QueryError, request, reply) => {
    const problem = problemOf(error)
    if (problem.type === 'internal') {
      logger.error({ err: error, route: request.routeOptions.url }, 'a request failed')
    }
    const why = causesOf(problem)
    if (isForOperators(problem) && words.isDue(JSON.stringify([problem.type, why]))) {
      logger.warn({ problem: problem.type, why }, 'a request cannot be done now')
    }
    return send(reply, request, problem)
  })
  app.setNotFoundHandler((request, reply) =>
    send(
      reply,
      request,
      new Problem('not-found', `nothing is at ${request.url.split('?')[0] ?? ''}`),
    ),
  )
}

/** Of an address that leads to no route, since nobody can read it: no hook and no other handler sees it. */
export function answerUnroutable(
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  void send(reply, request, new Problem('input-invalid', error.message))
}

/** What passes by itself, or was told already: the index tells of itself. */
function isForOperators({ type, cause }: Problem): boolean {
  if (type === 'unavailable') return cause instanceof Error && !(cause instanceof QueryError)
  return type === 'not-recorded'
}

/** Names and codes, from the outermost to the innermost: messages may quote what was asked. */
function causesOf({ cause }: Error): readonly string[] {
  if (!(cause instanceof Error)) return []
  const { code } = cause as { code?: unknown }
  return [typeof code === 'string' ? `${cause.name} ${code}` : cause.name, ...causesOf(cause)]
}

function problemOf(error: FastifyError | Problem | QueryError): Problem {
  if (error instanceof Problem) return error
  if (error instanceof QueryError) {
    const isOurs = error.code === 'QUERY_BUSY' || error.code === 'QUERY_UNAVAILABLE'
    return new Problem(isOurs ? 'unavailable' : 'input-invalid', error.message, { cause: error })
  }
  if (error.validation !== undefined) return new Problem('input-invalid', mistakeOf(error))
  if (error.statusCode === 429) return new Problem('too-many', error.message)
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) {
    return new Problem('input-invalid', error.message)
  }
  return new Problem('internal', 'the log of the api says more', { cause: error })
}

/** What is wrong, and what would be right where that is a choice. */
function mistakeOf({ message, validation = [], validationContext }: FastifyError): string {
  const unknown = validation.flatMap(
    ({ params }) => (params['additionalProperties'] ?? []) as readonly string[],
  )
  if (unknown.length > 0)
    return `${validationContext ?? 'request'}: nothing is called ${unknown.join(', ')} here`
  const allowed = validation[0]?.params['allowedValues']
  return Array.isArray(allowed) ? `${message}: ${allowed.join(', ')}` : message
}

function send(reply: FastifyReply, request: FastifyRequest, problem: Problem): FastifyReply {
  const { status, title } = problems[problem.type]
  return reply
    .code(status)
    .type('application/problem+json')
    .send({
      type: `urn:affidavit:problem:${problem.type}`,
      title,
      status,
      detail: problem.message,
      instance: request.id,
    })
}
