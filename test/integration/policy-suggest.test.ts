import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { Client } from 'pg'

import { heldRole, sampleDatabase } from '../../services/all-in-one/demo/sample/sample-data.ts'
import type { Suggestion } from '../../services/edge/guard/masking/suggestions/suggestion.ts'
import { demoStack, eventually } from '../support/demo-stack.ts'
import type { DemoStack } from '../support/demo-stack.ts'

const main = fileURLToPath(new URL('../../services/cli/main.ts', import.meta.url))
const demoPolicy = new URL('../../services/all-in-one/demo/demo-policy.yaml', import.meta.url)

/** Olivia may not look at what one table holds, nor at one view. */
const policy = `${readFileSync(demoPolicy, 'utf8')}
  - id: nobody-reads-payments
    targets: [shop]
    relations: { read: [public.payments] }
    outcome: block
    reason: payments are for nobody
  - id: nobody-reads-hidden-contacts
    targets: [shop]
    relations: { read: [public.hidden_contacts] }
    outcome: block
    reason: hidden is hidden
`

const views = `
CREATE FUNCTION public.contacts() RETURNS TABLE (n int, reach text) LANGUAGE sql STABLE
  AS $$ SELECT g, 'person' || g || '@example.org' FROM generate_series(1, 40) g $$;
CREATE FUNCTION public.hidden() RETURNS TABLE (n int, email text) LANGUAGE sql STABLE
  AS $$ SELECT 1, 'a@example.org' $$;
CREATE VIEW public.callers AS SELECT k.n, k.reach, c.email, c.phone AS p FROM public.contacts() k, public.customers c;
CREATE VIEW public.callers_of_callers AS SELECT reach AS again FROM public.callers;
CREATE MATERIALIZED VIEW public.kept_contacts AS SELECT n, reach AS kept FROM public.contacts();
CREATE VIEW public.hidden_contacts AS SELECT email FROM public.hidden();
CREATE VIEW public.customers_again AS SELECT email, upper(phone) AS phone FROM public.customers;
`

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

suite('policy suggest, at the shop of the demo', () => {
  let stack: DemoStack

  before(async () => {
    stack = await demoStack({ policy })
  })
  after(() => stack[Symbol.asyncDispose]())

  const suggest = async (as: string, ...args: readonly string[]): Promise<Ended> => {
    const { accessToken } = await stack.demo.tokenOf(as)
    const config = ['--config', stack.demo.configFile, '--api', stack.demo.product.address]
    try {
      const ended = await promisify(execFile)(
        process.execPath,
        [main, 'policy', 'suggest', 'shop', ...config, ...args],
        { env: { ...process.env, AFFIDAVIT_TOKEN: accessToken }, timeout: 60_000 },
      )
      return { code: 0, ...ended }
    } catch (error) {
      return error as Ended
    }
  }
  const in_ = (name: string): string => join(stack.directory, name)

  test('what nothing says yet, with why, and no value', async () => {
    const file = in_('none.yaml')
    const ended = await suggest('olivia', '--classification', file, '--json')
    assert.equal(ended.code, 3, ended.stderr)
    const { suggestions, not_looked_at: notLookedAt } = JSON.parse(ended.stdout) as {
      suggestions: readonly Suggestion[]
      not_looked_at: readonly { table: string; why: string }[]
    }
    const found = new Map(suggestions.map(({ entry, ...why }) => [entry.column, { entry, ...why }]))
    const classOf = (column: string): string | undefined => found.get(column)?.entry.class
    assert.equal(classOf('public.employees.national_id'), 'national-id')
    assert.equal(classOf('public.employees.salary_eur'), 'salary')
    assert.equal(classOf('public.customers.birth_date'), 'birth-date')
    assert.deepEqual(found.get('public.customers.email')?.evidence, [
      'by its name',
      'detector email matched 200 of 200 values',
    ])
    assert.equal(found.get('public.payment_cards.card_number')?.confidence, 'high')
    assert.equal(classOf('public.customers.phone'), 'phone')
    assert.equal(classOf('public.orders.id'), undefined)
    assert.equal(classOf('public.products.sku'), undefined)
    assert.equal(classOf('public.customers.preferences'), undefined)
    assert.doesNotMatch(ended.stdout, /@example|\+49|4\d{15}/)
    assert.equal(notLookedAt.length, 1)
    assert.equal(notLookedAt[0]?.table, 'public.payments')
    assert.match(notLookedAt[0].why, /payments are for nobody/)
    assert.ok(!existsSync(file))
  })

  test('of views what no table’s classification covers', async () => {
    const client = new Client({
      host: '127.0.0.1',
      port: stack.demo.ports.postgres,
      user: heldRole,
      password: readFileSync(in_('secrets/shop.password'), 'utf8'),
      database: sampleDatabase,
      ssl: { rejectUnauthorized: false },
    })
    await client.connect()
    await client.query(views)
    await client.end()
    const ended = await suggest('olivia', '--classification', in_('none.yaml'), '--json')
    assert.equal(ended.code, 3, ended.stderr)
    const said = JSON.parse(ended.stdout) as {
      views: number
      suggestions: readonly Suggestion[]
      not_looked_at: readonly { table: string; why: string }[]
    }
    assert.equal(said.views, 3)
    const ofViews = said.suggestions
      .map(({ entry, confidence, evidence }) => [entry.column, entry.class, confidence, evidence])
      .filter(([column]) => /contacts|callers|again/.test(String(column)))
    const seen = ['detector email matched 40 of 40 values']
    assert.deepEqual(ofViews, [
      ['public.callers.reach', 'email', 'high', ['detector email matched 200 of 200 values']],
      ['public.hidden_contacts.email', 'email', 'medium', ['by its name']],
      ['public.kept_contacts.kept', 'email', 'high', seen],
    ])
    assert.deepEqual(
      said.not_looked_at.map(({ table }) => table),
      ['public.payments', 'public.hidden_contacts'],
    )
    assert.doesNotMatch(ended.stdout, /@example/)
  })

  test('a diff behind what is there; written, nothing is left to suggest', async () => {
    const file = in_('shop.classification.yaml')
    const kept = readFileSync(file, 'utf8')
    const copy = in_('copy.yaml')
    copyFileSync(file, copy)
    const diff = await suggest('olivia')
    assert.equal(diff.code, 3, diff.stderr)
    assert.match(
      diff.stdout,
      /^\+ {2}- \{ column: public\.employees\.salary_eur, class: salary \}$/m,
    )
    assert.doesNotMatch(diff.stdout, /^\+.*national_id|^-(?!--)/m)
    assert.match(diff.stderr, /not looked at: public\.payments, since .*payments are for nobody/)
    assert.equal(readFileSync(file, 'utf8'), kept)
    const written = await suggest('olivia', '--classification', copy, '--write')
    assert.equal(written.code, 0, written.stderr)
    assert.ok(readFileSync(copy, 'utf8').startsWith(kept.trimEnd()))
    const again = await suggest('olivia', '--classification', copy)
    assert.equal(again.code, 0, again.stderr)
    assert.match(again.stderr, /nothing to suggest/)
    assert.equal(again.stdout, '')
  })

  test('every statement of the scan is evidence, and so is each that was refused', async () => {
    const { query } = stack.demo.product
    const scanned = await eventually('the scan in the index', async () => {
      const { hits } = await query.search({ actor: 'olivia', relation: 'public.customers' })
      // The scans behind the first one need not look at what was classified by then.
      const looked = /left\("street"::text, 1000\)/
      return (
        hits.find(
          ({ decision, statement }) => decision === 'allow' && looked.test(statement ?? ''),
        ) ?? null
      )
    })
    await eventually('the refused statement in the index', async () => {
      const { hits } = await query.search({ actor: 'olivia', decision: 'block' })
      return hits.find(({ statement }) => statement?.includes('"payments"') === true) ?? null
    })
    const { accessToken } = await stack.demo.tokenOf('sam')
    const [{ origin } = { origin: '' }] = await stack.demo.product.reader.logs()
    assert.notEqual(origin, '')
    const entry = await fetch(
      new URL(
        `/v1/entries/${scanned.position}?log=${encodeURIComponent(scanned.log)}`,
        stack.demo.product.address,
      ),
      { headers: { authorization: `Bearer ${accessToken}` } },
    )
    assert.match(await entry.text(), /"purpose":\s*"classification scan"/)
  })

  test('who may not read the catalog learns why, and nothing is suggested', async () => {
    const ended = await suggest('sam')
    assert.equal(ended.code, 1)
    assert.match(ended.stderr, /the catalog of shop cannot be read: .*no rule/i)
  })

  test('mistakes of the file and of the target are said before anything is asked', async () => {
    const file = in_('wrong.yaml')
    writeFileSync(file, 'version: 1\ncolumns:\n  - { column: nowhere }\n')
    const ended = await suggest('olivia', '--classification', file)
    assert.equal(ended.code, 2)
    assert.match(ended.stderr, /wrong\.yaml has mistakes\n.*wrong\.yaml:3/)
  })
})
