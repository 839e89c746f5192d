import { setTimeout as pause } from 'node:timers/promises'

import * as oidc from 'openid-client'

import { insecureOnLoopback } from '../edge/guard/identity/token-issuer.ts'
import type { Logger } from '../runtime/logger.ts'
import { buildApi } from './app.ts'
import type { ApiOptions } from './app.ts'

export interface Api extends AsyncDisposable {
  readonly address: string
}

class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code: 'API_PORT_TAKEN' | 'API_ISSUER_UNREACHABLE'

  constructor(code: ApiError['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Starts to answer. Throws `API_PORT_TAKEN` when somebody else listens there. */
export async function startApi(
  options: ApiOptions & { readonly listen: string; readonly port: number },
): Promise<Api> {
  const app = await buildApi(options)
  try {
    const address = await app.listen({ host: options.listen, port: options.port })
    return {
      address,
      async [Symbol.asyncDispose]() {
        // Pages that listen for events keep their connections open; the signal of the options has told them to end.
        app.server.closeAllConnections()
        await app.close()
      },
    }
  } catch (cause) {
    await app.close()
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause
    throw new ApiError(
      'API_PORT_TAKEN',
      `port ${options.port} of ${options.listen} is in use; set api.port to another one`,
      { cause },
    )
  }
}

export interface IssuerOptions {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string | null
  readonly logger: Logger
  readonly signal: AbortSignal
}

const discoveryTries = 10

/** Reads the issuer's discovery document; waits a while for an issuer that is still starting. */
export async function discoverIssuer(options: IssuerOptions): Promise<oidc.Configuration> {
  const url = new URL(options.issuer)
  const authentication =
    options.clientSecret === null ? oidc.None() : oidc.ClientSecretBasic(options.clientSecret)
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await oidc.discovery(
        url,
        options.clientId,
        undefined,
        authentication,
        insecureOnLoopback(url),
      )
    } catch (cause) {
      if (attempt === discoveryTries || options.signal.aborted) {
        throw new ApiError(
          'API_ISSUER_UNREACHABLE',
          `the issuer ${options.issuer} does not answer with a discovery document; check identity.issuer`,
          { cause },
        )
      }
      options.logger.warn({ attempt }, 'the issuer does not answer yet')
      await pause(1_000, undefined, { signal: options.signal })
    }
  }
}
