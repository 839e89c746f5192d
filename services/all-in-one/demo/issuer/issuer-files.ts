import { join } from 'node:path'

import { agentClientId, cliClientId, consoleClientId } from './issuer-clients.ts'
import { demoPeople, openAccounts } from './people.ts'
import type { Account, Person } from './people.ts'
import { ensureSecret } from '../secret-file.ts'

interface ConfidentialClient {
  readonly clientId: string
  readonly clientSecret: string
  readonly secretFile: string
}

/** Who can sign in at the demo's issuer, and to which clients. */
interface IssuerFiles {
  readonly accounts: readonly Account[]
  readonly clients: {
    readonly console: ConfidentialClient
    readonly cli: { readonly clientId: string }
    readonly agent: ConfidentialClient
  }
}

/** The issuer as somebody sees it who knows everybody's password. */
export interface KnownIssuer extends IssuerFiles {
  readonly url: string
}

/** Passwords and client secrets of the issuer in this directory, drawn where they are missing. */
export async function openIssuerFiles(
  directory: string,
  people: readonly Person[] = demoPeople,
): Promise<IssuerFiles> {
  return {
    accounts: await openAccounts(directory, people),
    clients: {
      console: await openClient(directory, consoleClientId),
      cli: { clientId: cliClientId },
      agent: await openClient(directory, agentClientId),
    },
  }
}

async function openClient(directory: string, clientId: string): Promise<ConfidentialClient> {
  const secretFile = join(directory, 'clients', clientId)
  return { clientId, clientSecret: await ensureSecret(secretFile), secretFile }
}
