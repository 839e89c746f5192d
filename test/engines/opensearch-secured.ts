import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { missing } from '../support/engine.ts'
import type { Skippable } from '../support/engine.ts'
import { aJava, findJava } from './java.ts'
import { isMavenHere } from './maven.ts'
import { securedOpenSearchHome, securedVersion } from './opensearch-home.ts'
import { startSecuredNode } from './opensearch-node.ts'

const userNames = ['affidavit-indexer', 'affidavit-api', 'analyst', 'observer'] as const
export type OpenSearchUser = (typeof userNames)[number]

/** An OpenSearch with TLS, users and the roles of `deploy/opensearch`. */
export interface SecuredOpenSearch extends AsyncDisposable {
  readonly url: string
  /** PEM, for clients. */
  readonly ca: string
  readonly passwords: Readonly<Record<OpenSearchUser, string>>
  ask(user: OpenSearchUser, method: string, path: string, body?: unknown): Promise<SecuredAnswer>
}

export interface SecuredAnswer {
  readonly status: number
  readonly body: unknown
}

/** Null, and the test skipped by name, where it cannot be had. */
export async function startSecuredOpenSearch(t: Skippable): Promise<SecuredOpenSearch | null> {
  const what = `OpenSearch ${securedVersion} with its security plugin`
  const java = findJava(21)
  if (java === null) return missing(t, `${what} needs ${aJava(21)}, which`)
  if (!isMavenHere()) return missing(t, `${what} needs Maven (mvn), which`)
  await using undo = new AsyncDisposableStack()
  const home = await securedOpenSearchHome()
  const certificates = await makeCertificates()
  undo.defer(() => rm(certificates, { recursive: true, force: true }))
  const admin = new Agent({
    ca: await readFile(join(certificates, 'trusted.pem')),
    cert: await readFile(join(certificates, 'admin.pem')),
    key: await readFile(join(certificates, 'admin.key')),
  })
  undo.defer(() => Promise.resolve(admin.destroy()))
  const ca = await readFile(join(certificates, 'node.pem'), 'utf8')
  const node = undo.use(
    await startSecuredNode({
      java,
      home,
      certificates,
      deploy: fileURLToPath(new URL('../../deploy/opensearch', import.meta.url)),
      isReady: async (url) => {
        const health = '/_plugins/_security/health'
        const { body } = await call(admin, url, { method: 'GET', path: health })
        return (body as { readonly status?: unknown } | null)?.status === 'UP'
      },
    }),
  )
  const passwords = Object.fromEntries(
    userNames.map((name) => [name, randomBytes(18).toString('base64url')]),
  ) as Record<OpenSearchUser, string>
  const groups = { analyst: ['security-analysts'], observer: ['auditors'] } as const
  for (const name of userNames) {
    const { status, body } = await call(admin, node.url, {
      method: 'PUT',
      path: `/_plugins/_security/api/internalusers/${name}`,
      body: {
        password: passwords[name],
        backend_roles: name === 'analyst' || name === 'observer' ? groups[name] : [],
      },
    })
    if (status !== 201) throw new Error(`user ${name} was not made: ${status} ${String(body)}`)
  }
  const people = new Agent({ ca, keepAlive: true })
  undo.defer(() => Promise.resolve(people.destroy()))
  const owned = undo.move()
  return {
    url: node.url,
    ca,
    passwords,
    ask: (user, method, path, body) =>
      call(people, node.url, { method, path, body, auth: `${user}:${passwords[user]}` }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** Of the node and of its administrator, each signed by itself. */
async function makeCertificates(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'affidavit-opensearch-keys-'))
  for (const name of ['node', 'admin']) {
    const key = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
    const words = `req -x509 ${key} -days 2 -subj /O=test/CN=${name} -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -addext extendedKeyUsage=serverAuth,clientAuth -keyout ${name}.key -out ${name}.pem`
    await promisify(execFile)('openssl', words.split(' '), { cwd: directory })
  }
  const both = await Promise.all(
    ['node.pem', 'admin.pem'].map((file) => readFile(join(directory, file), 'utf8')),
  )
  await writeFile(join(directory, 'trusted.pem'), both.join(''))
  return directory
}

interface SecuredCall {
  readonly method: string
  readonly path: string
  readonly body?: unknown
  readonly auth?: string
}

function call(agent: Agent, url: string, asked: SecuredCall): Promise<SecuredAnswer> {
  const { method, path, body, auth } = asked
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' }
    const outgoing = request(
      new URL(path, url),
      { agent, method, headers, ...(auth === undefined ? {} : { auth }) },
      (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (part: string) => (text += part))
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, body: text === '' ? null : parsed(text) })
        })
      },
    )
    outgoing.on('error', reject)
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
