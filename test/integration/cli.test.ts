import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { on, once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { after, before, suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { Client } from 'pg'

import { signInAsPerson } from '../../services/all-in-one/demo/sign-in.ts'
import type { SessionPassword } from '../../services/api/schemas/credentials.ts'
import { writeSignIn } from '../../services/cli/sign-in.ts'
import type { SearchResult } from '../../services/indexer/query.ts'
import { demoStack, eventually } from '../support/demo-stack.ts'
import { walkForms } from '../support/walk-forms.ts'
import type { DemoStack } from '../support/demo-stack.ts'

const main = fileURLToPath(new URL('../../services/cli/main.ts', import.meta.url))

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

async function affidavit(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [main, ...args], {
      env: { ...process.env, ...env },
      timeout: 60_000,
    })
    return { code: 0, stdout, stderr }
  } catch (error) {
    return error as Ended
  }
}

suite('the command on the running product', () => {
  let stack: DemoStack
  let signIn: string
  before(async () => {
    stack = await demoStack()
    const { demo, directory } = stack
    await demo.runAgent()
    await eventually('the blocked statement in the index', async () => {
      const { hits } = await demo.product.query.search({ decision: 'block' })
      return hits.find(({ outcome }) => outcome === 'refused') ?? null
    })
    const token = await demo.tokenOf('sam')
    signIn = join(directory, 'sam.json')
    writeSignIn(signIn, {
      api: demo.product.address,
      issuer: demo.issuer.url,
      client_id: 'cli',
      access_token: token.accessToken,
      expires_at: Date.now() + token.expiresInSeconds * 1000,
    })
  })
  after(() => stack[Symbol.asyncDispose]())

  test('search finds the blocked statement, for people and for programs', async () => {
    const text = await affidavit([
      'search',
      'drop table',
      '--decision',
      'block',
      '--sign-in',
      signIn,
    ])
    assert.equal(text.code, 0, text.stderr)
    assert.match(text.stdout, /request\.received {2}shop-agent for Olivia Okafor on shop/)
    assert.match(text.stdout, /block refused 42501.*no-ddl-for-agents/)
    assert.match(text.stdout, /DROP TABLE customers/)
    const json = await affidavit([
      'search',
      'drop',
      '--kind',
      'drop',
      '--json',
      '--sign-in',
      signIn,
    ])
    const { hits } = JSON.parse(json.stdout) as SearchResult
    assert.equal(hits[0]?.statement, 'DROP TABLE customers')
  })

  test('search says of what ran that it was rolled back', async () => {
    const session = await stack.demo.connect('agent')
    const client = new Client({ ...session, ssl: { ca: session.ca } })
    await client.connect()
    for (const text of ['BEGIN', "SELECT 'given up'", 'ROLLBACK', "SELECT 'kept up'"]) {
      await client.query(text)
    }
    await client.end()
    const { query } = stack.demo.product
    await eventually('the last statement', async () => {
      const [hit] = (await query.search({ text: '"kept up"' })).hits
      return hit?.outcome === 'ok' ? hit : null
    })
    const { stdout } = await affidavit(['search', 'up', '--kind', 'select', '--sign-in', signIn])
    assert.match(stdout, /mask ok, 1 row.*\n {2}SELECT 'kept up'\n/)
    assert.match(stdout, /mask ok \(rolled back\), 1 row.*\n {2}SELECT 'given up'\n/)
  })

  test('a sign-in is kept in a file that only its owner reads', () => {
    assert.equal(statSync(signIn).mode & 0o777, 0o600)
  })

  test('connect gives a session password that works, and keeps it nowhere', async () => {
    const { accessToken } = await stack.demo.tokenOf('olivia')
    const ended = await affidavit(
      ['connect', 'shop', '--json', '--api', stack.demo.product.address],
      {
        AFFIDAVIT_TOKEN: accessToken,
        AFFIDAVIT_SIGN_IN: join(stack.directory, 'none.json'),
      },
    )
    assert.equal(ended.code, 0, ended.stderr)
    const issued = JSON.parse(ended.stdout) as SessionPassword
    const client = new Client({
      host: issued.host,
      port: issued.port,
      database: issued.database,
      user: issued.user,
      password: issued.password,
      ssl: { ca: issued.ca_pem },
    })
    await client.connect()
    assert.equal((await client.query('SELECT count(*)::int AS n FROM customers')).rows.length, 1)
    await client.end()
    assert.throws(() => statSync(join(stack.directory, 'none.json')))
  })

  test('a person signs in on another device, and again for the next password', async () => {
    const { demo, directory } = stack
    const { username, password } =
      demo.issuer.accounts.find((each) => each.username === 'olivia') ?? {}
    assert.ok(username !== undefined && password !== undefined)
    const kept = join(directory, 'device.json')
    const connect = ['connect', 'shop', '--device', '--json', '--api', demo.product.address]
    for (const time of ['first', 'second']) {
      const command = spawn(process.execPath, [main, ...connect, '--sign-in', kept])
      const out = text(command.stdout)
      const lines = createInterface({ input: command.stderr })
      const addresses = on(lines, 'line')
      let address = ''
      for await (const [line] of addresses) {
        address = String(line).trim()
        if (address.includes('user_code=')) break
      }
      const { page } = await walkForms(new URL(address), { username, password })
      assert.match(page, /You are signed in/)
      const [status] = (await once(command, 'close')) as [number]
      assert.equal(status, 0, time)
      assert.match((JSON.parse(await out) as SessionPassword).user, /^olivia\./)
    }
    assert.equal(statSync(kept).mode & 0o777, 0o600)
  })

  test('an agent connects as itself, and for the person whose token it has', async () => {
    const { demo, directory } = stack
    const { clientId, secretFile } = demo.issuer.clients.agent
    const args = ['connect', 'shop', '--json', '--api', demo.product.address]
    const client = ['--client-id', clientId, '--client-secret-file', secretFile]
    const own = await affidavit([...args, ...client])
    assert.equal(own.code, 0, own.stderr)
    assert.match((JSON.parse(own.stdout) as SessionPassword).user, /^shop-agent\./)
    const agent = demo.issuer.clients.agent
    const { accessToken } = await signInAsPerson({
      issuer: demo.issuer.url,
      clientId,
      clientSecret: agent.clientSecret,
      username: 'olivia',
      password: demo.issuer.accounts.find((each) => each.username === 'olivia')?.password ?? '',
      audience: demo.product.address,
      delegate: true,
    })
    const subject = join(directory, 'subject.token')
    writeFileSync(subject, accessToken, { mode: 0o600 })
    const behalf = await affidavit([...args, ...client, '--subject-token-file', subject])
    assert.equal(behalf.code, 0, behalf.stderr)
    await eventually('the password for olivia in the index', async () => {
      const { hits } = await demo.product.query.search({
        kind: 'credential.issued',
        text: (JSON.parse(behalf.stdout) as SessionPassword).user,
      })
      return hits.find(({ onBehalfOf }) => onBehalfOf.length === 1) ?? null
    })
  })

  test('kill ends what an actor does for somebody within two seconds, until it is lifted', async () => {
    const { demo } = stack
    const session = await demo.connect('agent')
    const client = new Client({ ...session, ssl: { ca: session.ca } })
    await client.connect()
    const ended = new Promise<Error & { code?: string }>((resolve) => client.on('error', resolve))
    const asSam = ['--sign-in', signIn]
    const killed = await affidavit(['kill', 'actor', 'olivia', '--reason', 'her laptop', ...asSam])
    const saidMs = performance.now()
    assert.equal(killed.code, 0, killed.stderr)
    assert.equal((await ended).code, '57P01')
    assert.ok(performance.now() - saidMs < 2_000)
    await assert.rejects(
      new Client({ ...session, ssl: { ca: session.ca } }).connect(),
      (error) => (error as { code?: string }).code === '57P01',
    )
    await assert.rejects(demo.connect('agent'), /An operator has locked this out/)
    const list = await affidavit(['kill', 'list', ...asSam])
    assert.match(list.stdout, /actor olivia: her laptop/)
    const lifted = await affidavit(['lift', 'actor', 'olivia', '--reason', 'found', ...asSam])
    assert.equal(lifted.code, 0, lifted.stderr)
    const again = new Client({ ...session, ssl: { ca: session.ca } })
    await again.connect()
    await again.end()
    for (const kind of ['access.revoked', 'access.granted']) {
      await eventually(`${kind} in the index`, async () => {
        const { hits } = await demo.product.query.search({ kind, actor: 'sam' })
        return hits[0] ?? null
      })
    }
  })

  test('kill is for operators and analysts, never against oneself, and knows the targets', async () => {
    const as = async (username: string, args: readonly string[]): Promise<Ended> => {
      const { accessToken } = await stack.demo.tokenOf(username)
      return affidavit([...args, '--reason', 'why', '--api', stack.demo.product.address], {
        AFFIDAVIT_TOKEN: accessToken,
      })
    }
    assert.match((await as('nia', ['kill', 'target', 'shop'])).stderr, /needs the role operator/)
    assert.match((await as('sam', ['kill', 'actor', 'sam'])).stderr, /that is yourself/)
    assert.match((await as('sam', ['kill', 'target', 'shpo'])).stderr, /no target is called shpo/)
    assert.match((await as('sam', ['kill', 'session', 'shop'])).stderr, /is no id of a session/)
    assert.match((await as('sam', ['lift', 'target', 'shop'])).stderr, /is locked out/)
  })

  test('connect to a target that does not exist says so', async () => {
    const ended = await affidavit(['connect', 'nowhere', '--sign-in', signIn])
    assert.equal(ended.code, 1)
    assert.match(ended.stderr, /There is no such thing: no target is called nowhere/)
  })

  test('a choice that there is not is answered by those there are', async () => {
    const ended = await affidavit(['search', '--decision', 'no', '--sign-in', signIn])
    assert.match(ended.stderr, /decision must be .*: allow, block, hold, mask/)
  })

  test('a fingerprint that is none is a mistake of the command, not of the bundle', async () => {
    const ended = await affidavit(['verify', 'report.zip', '--key', 'abc'])
    assert.match(ended.stderr, /64 hexadecimal digits/)
    assert.doesNotMatch(ended.stdout, /NOT VERIFIED/)
  })

  test('the ledger and a report are verified while everything runs, the report beside the log that is served', async () => {
    const config = ['--config', join(stack.directory, 'affidavit.yaml')]
    const ledger = await affidavit(['verify', ...config])
    assert.equal(ledger.code, 0, ledger.stdout)
    assert.match(ledger.stdout, /^verified the ledger in .*\n {2}\S+: \d+ entries, \d+ signed/)

    const report = join(stack.directory, 'report.zip')
    const made = ['report', 'run', 'au-2', '--output', report, '--sign-in', signIn]
    assert.equal((await affidavit(made)).code, 0)
    const logs = `${stack.demo.product.address}/logs`
    const beside = await affidavit(['verify', report, '--log', logs, '--earlier', report])
    assert.equal(beside.code, 0, beside.stdout)
    assert.match(beside.stdout, /left out: nothing: each of \d+ entries was compared/)
    const elsewhere = await affidavit(['verify', report, '--log', stack.directory])
    assert.equal(elsewhere.code, 1)
    assert.match(elsewhere.stdout, /cannot be compared: there is no .*\/checkpoint/)
    assert.match((await affidavit(['verify', report, '--earlier', report])).stderr, /needs --log/)
    assert.match(
      (await affidavit(['verify'])).stderr,
      /^affidavit: name the \.zip file of a report/,
    )
    const exporting = ['export', '--c2sp', join(stack.directory, 'exported'), ...config]
    assert.equal((await affidavit(exporting)).code, 0)
    assert.match((await affidavit(exporting)).stderr, /exists already: move it away, or export to/)
    const unknown = await affidavit([...exporting, '--log', 'nowhere'])
    assert.match(unknown.stderr, /no log is called nowhere; there is \S+\/p00\//)
    const alone = await affidavit(['verify', report, '--json'])
    assert.match(alone.stdout, /not checked: that takes a copy of the log/)
  })

  test('nobody at the address is said in one sentence', async () => {
    const ended = await affidavit([
      'search',
      'x',
      '--api',
      'http://127.0.0.1:1',
      '--sign-in',
      signIn,
    ])
    assert.equal(ended.code, 1)
    assert.match(ended.stderr, /^affidavit: nothing answers at http:\/\/127\.0\.0\.1:1/)
    assert.equal(ended.stderr.trim().split('\n').length, 1)
  })

  test('policy check asks a target for the columns that it has', async () => {
    const file = join(stack.directory, 'checked.yaml')
    const policy = (column: string): string =>
      `version: 1\nrules:\n  - { id: a, targets: [shop], columns: { read: [${column}] }, outcome: block }\n`
    const config = join(stack.directory, 'affidavit.yaml')
    writeFileSync(file, policy('public.payment_cards.card_number'))
    const right = await affidavit(['policy', 'check', file, '--target', 'shop', '--config', config])
    assert.equal(right.code, 0, right.stdout + right.stderr)
    writeFileSync(file, policy('public.payment_cards.card_numbr'))
    const wrong = await affidavit(['policy', 'check', file, '--target', 'shop', '--config', config])
    assert.equal(wrong.code, 2)
    assert.match(wrong.stdout, /has no column card_numbr; did you mean card_number\?/)
    const none = await affidavit(['policy', 'check', file, '--target', 'crm', '--config', config])
    assert.equal(none.code, 1)
    assert.match(none.stderr, /no target is called crm; there are shop/)
  })

  test('policy diff says which of the recorded requests would be decided otherwise', async () => {
    const old = join(stack.directory, 'policy.yaml')
    const changed = join(stack.directory, 'changed.yaml')
    writeFileSync(
      changed,
      `${readFileSync(old, 'utf8')}
  - id: tickets-need-somebody
    targets: [shop]
    relations: { write: [public.support_tickets] }
    approval: { role: support }
    outcome: hold
`,
    )
    interface Difference {
      readonly requests: number
      readonly changed: number
      readonly recordedOtherwise: number
      readonly byRule: readonly { readonly rule: string; readonly count: number }[]
      readonly changes: readonly {
        readonly before: { readonly outcome: string }
        readonly after: { readonly outcome: string; readonly ruleIds: readonly string[] }
        readonly examples: readonly { readonly statement: string; readonly actor: string }[]
      }[]
    }
    const sources = [
      ['--sign-in', signIn],
      ['--config', join(stack.directory, 'affidavit.yaml')],
    ]
    for (const source of sources) {
      const ended = await affidavit(['policy', 'diff', old, changed, '--json', ...source])
      assert.equal(ended.code, 1, ended.stderr)
      const difference = JSON.parse(ended.stdout) as Difference
      assert.ok(difference.requests > difference.changed && difference.changed > 0, ended.stdout)
      assert.equal(difference.recordedOtherwise, 0, ended.stdout)
      assert.ok(difference.byRule.some(({ rule }) => rule === 'tickets-need-somebody'))
      const [change] = difference.changes
      assert.deepEqual([change?.before.outcome, change?.after.outcome], ['mask', 'hold'])
      assert.match(change?.examples[0]?.statement ?? '', /support_tickets/)
    }
    const same = await affidavit(['policy', 'diff', old, old, '--sign-in', signIn])
    assert.equal(same.code, 0, same.stderr)
    assert.match(same.stdout, /0 would be decided otherwise/)
    const text = await affidavit(['policy', 'diff', old, changed, '--sign-in', signIn])
    assert.match(
      text.stdout,
      /\d × allow by agents-work-on-the-shop → hold by tickets-need-somebody\n {2}\S+ {2}\S.* for .* on shop {2}#\d+\n/,
    )
  })

  test('export writes each log once, while the product runs', async () => {
    const config = join(stack.directory, 'affidavit.yaml')
    const target = join(stack.directory, 'export')
    const ended = await affidavit(['export', '--c2sp', target, '--config', config, '--json'])
    assert.equal(ended.code, 0, ended.stderr)
    const [log] = JSON.parse(ended.stdout) as { directory: string; size: number; vkey: string }[]
    assert.ok(log)
    const [origin, size] = readFileSync(join(log.directory, 'checkpoint'), 'utf8').split('\n')
    assert.equal(Number(size), log.size)
    assert.ok(log.vkey.startsWith(`${origin}+`))
  })
})

test('policy check prints every mistake with its line and ends with status 2', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'affidavit-cli-'))
  t.after(() => {
    rmSync(directory, { recursive: true })
  })
  const file = join(directory, 'policy.yaml')
  writeFileSync(
    file,
    `version: 1
rules:
  - id: one
    targets: [shop]
    statements: [selekt]
    outcome: allow
  - id: one
    targets: [shop]
    when: "facts.nothing +"
    outcome: perhaps
`,
  )
  const ended = await affidavit(['policy', 'check', file])
  assert.equal(ended.code, 2)
  assert.match(ended.stdout, /policy\.yaml:5:\d+ .*selekt/)
  assert.match(ended.stdout, /policy\.yaml:10:\d+ .*outcome/)
  const good = await affidavit(['policy', 'check', file.replace('policy.yaml', 'none.yaml')])
  assert.equal(good.code, 2)
})

test('init writes files to start from, then the deployment, and overwrites nothing', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'affidavit-init-'))
  t.after(() => {
    rmSync(directory, { recursive: true })
  })
  const config = join(directory, 'affidavit.yaml')
  const first = await affidavit(['init', '--config', config])
  assert.equal(first.code, 0, first.stderr)
  assert.match(first.stdout, /wrote .*affidavit\.yaml\nwrote .*policy\.yaml/)
  assert.equal((await affidavit(['policy', 'check', join(directory, 'policy.yaml')])).code, 0)
  const second = await affidavit(['init', '--config', config])
  assert.equal(second.code, 0, second.stderr)
  assert.match(second.stdout, /log ledger\.example\.com\/prod\/audit\.events\/p00\//)
  const third = await affidavit(['init', '--config', config])
  assert.equal(third.code, 1)
  assert.match(third.stderr, /in use by a deployment already; start it with: affidavit up/)
})
