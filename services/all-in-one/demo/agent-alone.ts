import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

import { runAgent } from './agent.ts'
import { issueSession, tokenOfAgent, tokenOfPerson } from './demo-access.ts'
import { DemoError } from './demo-error.ts'
import type { DemoSignIn } from './demo-sign-in.ts'
import { openIssuerFiles } from './issuer/issuer-files.ts'
import type { KnownIssuer } from './issuer/issuer-files.ts'
import { requireExpected, stepLine } from './step-lines.ts'

export interface AgentAloneOptions {
  readonly issuer: string
  /** Where the issuer keeps passwords and client secrets: the agent's script plays Olivia and Sam as well. */
  readonly issuerDirectory: string
  readonly api: string
  readonly audience: string
  /** Where the edge is reached from here, when not where the api says. */
  readonly edgeHost: string | null
  readonly tell: (line: string) => void
  /** Keeps a sign-in of Sam for later commands. */
  readonly keepSignIn: (signIn: DemoSignIn) => void
}

interface Place {
  readonly log: string
  readonly position: number
}

const waitMs = 60_000
const lookMs = 500

/** Lets the agent work through an edge and an api that run elsewhere, until what it did is sealed and found by search. */
export async function runAgentAlone(options: AgentAloneOptions): Promise<void> {
  const { api, audience, tell } = options
  const issuer = await readIssuer(options)
  const beganMs = Date.now()
  tell('an agent signs in on behalf of Olivia and works in the shop, through the edge')
  const session = await issueSession(api, (await tokenOfAgent(issuer, audience)).accessToken)
  const steps = await runAgent({ ...session, host: options.edgeHost ?? session.host })
  for (const step of steps) tell(`  ${stepLine(step)}`)
  requireExpected(steps)

  const sam = await tokenOfPerson(issuer, audience, 'sam')
  options.keepSignIn({
    api,
    issuer: issuer.url,
    client_id: issuer.clients.cli.clientId,
    access_token: sam.accessToken,
    expires_at: Date.now() + sam.expiresInSeconds * 1000,
  })
  const { log, position } = await found(api, sam.accessToken, beganMs)
  tell(`sealed and found by search: the refused DROP TABLE is at position ${position} of ${log}`)
}

async function readIssuer(options: AgentAloneOptions): Promise<KnownIssuer> {
  const { issuer: url, issuerDirectory } = options
  // Opening would draw passwords that the issuer does not know.
  if (!existsSync(join(issuerDirectory, 'passwords'))) {
    throw new DemoError(
      'DEMO_ISSUER_MISSING',
      `${issuerDirectory} is not the directory of a demo's issuer; name it with --issuer-directory`,
    )
  }
  return { url, ...(await openIssuerFiles(issuerDirectory)) }
}

/** Where the refused statement is sealed. Only what is sealed is in the index. */
async function found(api: string, token: string, sinceMs: number): Promise<Place> {
  const url = new URL('/v1/search', api)
  const question = { text: 'drop table', decision: 'block', outcome: 'refused', from: sinceMs }
  for (const [name, value] of Object.entries(question)) url.searchParams.set(name, String(value))
  for (let waitedMs = 0; waitedMs < waitMs; waitedMs += lookMs) {
    const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
    if (response.ok) {
      const { hits } = (await response.json()) as { hits: readonly Place[] }
      const [hit] = hits
      if (hit !== undefined) return hit
    } else {
      await response.body?.cancel()
    }
    await pause(lookMs)
  }
  throw new DemoError(
    'DEMO_AGENT_FAILED',
    `what the agent did was not found by search within ${waitMs / 1000} seconds; the services' log says why`,
  )
}
