import { readFileSync } from 'node:fs'

import type { SessionPassword } from '../api/schemas/credentials.ts'
import { ApiClient, ApiRefusal } from './api-client.ts'
import { CommandFailure } from './failure.ts'
import { readIdentity } from './identity.ts'
import { placeOf, signedIn, signInAnew, signInAsClient, signInFor } from './sign-in.ts'
import type { PersonOptions, SignIn } from './sign-in.ts'

export interface SessionPasswordOptions extends PersonOptions {
  readonly database?: string
  readonly purpose?: string
  readonly clientId?: string
  readonly clientSecretFile?: string
  readonly subjectTokenFile?: string
}

/** A session password for this target, in exchange for a sign-in: the one that is kept, or a new one. */
export async function sessionPassword(
  target: string,
  options: SessionPasswordOptions,
): Promise<SessionPassword> {
  const { database, purpose } = options
  const exchange = (signIn: SignIn): Promise<SessionPassword> =>
    new ApiClient(signIn, options).post('/v1/credentials', { target, database, purpose })
  const { clientId } = options
  const isGiven = process.env['AFFIDAVIT_TOKEN'] !== undefined
  if (isGiven && clientId === undefined) return exchange(await signedIn(options))
  const identity = await readIdentity(placeOf(options))
  const { audience } = identity.targets.find(({ name }) => name === target) ?? identity
  if (clientId !== undefined) {
    return exchange(await signInAsClient(options, clientOf(clientId, options), audience))
  }
  if (audience !== identity.audience) return exchange(await signInFor(options, audience))
  try {
    return await exchange(await signedIn(options))
  } catch (error) {
    // What was kept got its one password before.
    if (!(error instanceof ApiRefusal) || error.problem !== 'token-used') throw error
    return exchange(await signInAnew(options))
  }
}

function clientOf(clientId: string, options: SessionPasswordOptions) {
  const { clientSecretFile, subjectTokenFile } = options
  if (clientSecretFile === undefined) {
    throw new CommandFailure('--client-id needs --client-secret-file', 2)
  }
  return {
    clientId,
    clientSecret: readSecret(clientSecretFile),
    subjectToken: subjectTokenFile === undefined ? null : readSecret(subjectTokenFile),
  }
}

function readSecret(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (cause) {
    throw new CommandFailure(`${file} cannot be read`, 2, { cause })
  }
}
