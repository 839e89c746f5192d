import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { after, before, suite, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import * as oidc from 'openid-client'
import pg from 'pg'

import type { SessionPassword } from '../../services/api/schemas/credentials.ts'
import { certificateFileOf } from '../../services/all-in-one/edge-certificate.ts'
import { aDeployment } from '../support/deployment.ts'
import type { Deployment } from '../support/deployment.ts'
import { runCommand } from '../support/product-process.ts'
import { walkForms } from '../support/walk-forms.ts'
import { engineOfFile } from './engine-of-file.ts'
import {
  agentSubject,
  keycloakSecret,
  otherRealmName,
  realmName,
  targetAudience,
} from './keycloak-realm.ts'
import { startKeycloak } from './keycloak.ts'
import type { Keycloak } from './keycloak.ts'

const main = fileURLToPath(new URL('../../services/cli/main.ts', import.meta.url))
const olivia = { username: 'olivia', password: keycloakSecret }
const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange'

const keycloak = await engineOfFile('Keycloak signs people and agents in', startKeycloak)

if (keycloak !== null) {
  suite('Keycloak signs people and agents in', () => {
    let deployment: Deployment
    let connect: readonly string[]
    let secretFile: string

    before(async () => {
      deployment = await aDeployment({
        identity: identityText(keycloak),
        target: [`audience: ${targetAudience}`, 'token_passwords: true'],
        policy,
      })
      await deployment.start()
      secretFile = join(deployment.directory, 'client.secret')
      await writeFile(secretFile, keycloakSecret, { mode: 0o600 })
      connect = ['connect', 'numbers', '--json', '--api', deployment.api]
    })

    after(() => deployment[Symbol.asyncDispose]())

    for (const [how, flags, sign] of [
      ['by a browser', [], '/auth?'],
      ['by another device', ['--device'], 'user_code='],
    ] as const) {
      test(`a person signs in ${how}, and works by a session password`, async () => {
        const kept = join(deployment.directory, `sign-in${flags.join('')}.json`)
        const command = spawn(process.execPath, [main, ...connect, ...flags, '--sign-in', kept])
        const out = text(command.stdout)
        const ended = once(command, 'close')
        let address = ''
        for await (const line of createInterface({ input: command.stderr })) {
          address = line.trim()
          if (address.includes(sign)) break
        }
        command.stderr.resume()
        await walkForms(new URL(address), olivia)
        assert.deepEqual(await ended, [0, null])
        assert.equal(await countAs(JSON.parse(await out) as SessionPassword), 'human')
      })
    }

    test('an agent gets a session password by its own credentials', async () => {
      const client = ['--client-id', 'shop-agent', '--client-secret-file', secretFile]
      const { status, stdout, stderr } = await runCommand([...connect, ...client])
      assert.equal(status, 0, stderr)
      assert.equal(await countAs(JSON.parse(stdout) as SessionPassword), 'agent')
    })

    test('agents and services are known by claims of their service accounts, without a list of ids', async () => {
      for (const [id, kind] of [
        ['clerk', 'agent'],
        ['nightly-job', 'service'],
      ] as const) {
        const client = ['--client-id', id, '--client-secret-file', secretFile]
        const { status, stdout, stderr } = await runCommand([...connect, ...client])
        assert.equal(status, 0, stderr)
        assert.equal(await countAs(JSON.parse(stdout) as SessionPassword), kind, id)
      }
    })

    test('an agent gets one for the person whose token it has', async () => {
      const subjectFile = join(deployment.directory, 'olivia.token')
      await writeFile(subjectFile, await tokenOfPerson(keycloak, realmName), { mode: 0o600 })
      const client = ['--client-id', 'planner', '--client-secret-file', secretFile]
      const { status, stdout, stderr } = await runCommand([
        ...connect,
        ...client,
        '--subject-token-file',
        subjectFile,
      ])
      assert.equal(status, 0, stderr)
      assert.equal(await countAs(JSON.parse(stdout) as SessionPassword), 'agent')
    })

    test('a token is the password: of a person, of an agent, and of an agent for a person', async () => {
      const person = await tokenOfPerson(keycloak, realmName)
      const agent = await configurationOf(keycloak, realmName, 'planner')
      const delegated = await oidc.genericGrantRequest(agent, exchangeGrant, {
        subject_token: person,
        subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        audience: targetAudience,
      })
      assert.equal(await signIn(person), 'in')
      assert.equal(await signIn(person), '28P01')
      assert.equal(await signIn(await tokenOfClient(keycloak, 'shop-agent')), 'in')
      assert.equal(await signIn(delegated.access_token), 'in')
    })

    test('what is for somebody else, of another realm, or over, is refused by edge and api', async () => {
      const hasty = await tokenOfClient(keycloak, 'hasty')
      await pause(2_000)
      const refused = {
        'for somebody else': await tokenOfClient(keycloak, 'stranger'),
        'of another realm': await tokenOfPerson(keycloak, otherRealmName),
        over: hasty,
      }
      for (const [what, token] of Object.entries(refused)) {
        assert.equal(await signIn(token), '28P01', what)
        assert.equal(await exchange(token), 401, what)
      }
      assert.equal(await exchange(await tokenOfClient(keycloak, 'shop-agent')), 201)
    })

    /** Counts as whoever has this session password; gives the kind of actor that policy let in. */
    async function countAs(issued: SessionPassword): Promise<string> {
      const client = new pg.Client({ ...issued, ssl: { ca: issued.ca_pem } })
      await client.connect()
      try {
        await client.query('SELECT count(*) FROM numbers')
        const may = (statement: string): Promise<boolean> =>
          client.query(statement).then(
            () => true,
            () => false,
          )
        if (await may('SELECT 1 FROM pg_sleep(0)')) return 'agent'
        return (await may("SELECT 1 FROM pg_sleep_for('0 s')")) ? 'service' : 'human'
      } finally {
        await client.end()
      }
    }

    async function signIn(token: string): Promise<string> {
      const client = new pg.Client({
        host: '127.0.0.1',
        port: deployment.ports.edge,
        database: 'numbers',
        user: 'jwt',
        password: token,
        ssl: { ca: readFileSync(certificateFileOf(deployment.config), 'utf8') },
      })
      client.on('error', () => undefined)
      try {
        await client.connect()
        await client.query('SELECT count(*) FROM numbers')
        await client.end()
        return 'in'
      } catch (error) {
        return (error as pg.DatabaseError).code ?? (error as Error).message
      }
    }

    async function exchange(token: string): Promise<number> {
      const response = await fetch(new URL('/v1/credentials', deployment.api), {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ target: 'numbers' }),
      })
      return response.status
    }
  })
}

function identityText(issuer: Keycloak): string {
  return `identity:
  issuer: ${issuer.issuerOf(realmName)}
  audience: ${targetAudience}
  agents: [${agentSubject}, planner, { claim: client_id, is: clerk }]
  services: [{ claim: preferred_username, starts_with: service-account- }]
  console: { client_id: console }
  cli: { client_id: cli }
`
}

// What only agents may, and only services, shows who somebody was taken for.
const policy = `version: 1
rules:
  - id: count
    targets: ['*']
    statements: [read]
    relations: { read: [public.numbers] }
    outcome: allow
  - id: agents-sleep
    targets: ['*']
    actors: { kinds: [agent] }
    statements: [read]
    functions: [pg_sleep]
    outcome: allow
  - id: services-sleep-otherwise
    targets: ['*']
    actors: { kinds: [service] }
    statements: [read]
    functions: [pg_sleep_for]
    outcome: allow
`

function configurationOf(
  issuer: Keycloak,
  realm: string,
  clientId: string,
): Promise<oidc.Configuration> {
  const secret = clientId === 'cli' ? oidc.None() : oidc.ClientSecretBasic(keycloakSecret)
  return oidc.discovery(new URL(issuer.issuerOf(realm)), clientId, undefined, secret, {
    execute: [oidc.allowInsecureRequests],
  })
}

async function tokenOfClient(issuer: Keycloak, clientId: string): Promise<string> {
  const configuration = await configurationOf(issuer, realmName, clientId)
  return (await oidc.clientCredentialsGrant(configuration)).access_token
}

async function tokenOfPerson(issuer: Keycloak, realm: string): Promise<string> {
  const configuration = await configurationOf(issuer, realm, 'cli')
  const pkceCodeVerifier = oidc.randomPKCECodeVerifier()
  const redirect = 'http://127.0.0.1:9/callback'
  const url = oidc.buildAuthorizationUrl(configuration, {
    redirect_uri: redirect,
    scope: 'openid profile',
    code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
  })
  const { at } = await walkForms(url, olivia, redirect)
  const tokens = await oidc.authorizationCodeGrant(configuration, at, { pkceCodeVerifier })
  return tokens.access_token
}
