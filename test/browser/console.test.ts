import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import { Client } from 'pg'
import type { Page } from 'playwright-core'

import { builtConsole } from '../../services/all-in-one/demo/built-console.ts'
import { parseTlogProof } from '../../services/ledger/proof/tlog-proof.ts'
import { verifyLeafProof } from '../../services/ledger/proof/leaf-proof.ts'
import { verifyBundle } from '../../services/reporter/verify.ts'
import { demoStack, eventually } from '../support/demo-stack.ts'
import type { DemoStack } from '../support/demo-stack.ts'
import { requireProgram } from '../support/engine.ts'
import { aBrowser, complaintsOf } from './a-browser.ts'

test('somebody of the security team follows what an agent did, in the console', async (t) => {
  const chromium = requireProgram(t, 'chromium', 'chromium-browser', 'google-chrome')
  if (chromium === null) return
  await builtConsole(() => undefined)
  await using stack = await demoStack()
  await using browser = await aBrowser(chromium)
  const page = await browser.newPage()
  page.setDefaultTimeout(15_000)
  const complaints = complaintsOf(page)
  const address = stack.demo.product.address

  await t.test(
    'who is not signed in sees the way to sign in, and comes back from there',
    async () => {
      await page.goto(`${address}/search?text=nothing-yet`)
      await signIn(page, stack, 'sam')
      await page.waitForURL('**/search?text=nothing-yet')
      await page.getByRole('heading', { name: 'Search', level: 1 }).waitFor()
      await page.getByText('Sam Silva').waitFor()
    },
  )

  await t.test('a session appears while the page is open', async (t) => {
    await page.goto(`${address}/sessions`)
    await page.getByText('Updating as it happens').waitFor()
    await page.getByRole('heading', { name: 'No sessions yet' }).waitFor()
    await stack.demo.runAgent()
    const endedMs = performance.now()
    const row = sessionRows(page).filter({ hasText: 'shop-agent' })
    await row.filter({ hasText: 'on behalf of Olivia Okafor' }).waitFor()
    t.diagnostic(`it was there ${Math.round(performance.now() - endedMs)} ms after its end`)
  })

  await t.test('conditions stand in the address and are found again from it', async () => {
    await page.getByLabel('Decision').selectOption('block')
    await page.getByLabel('Search', { exact: true }).fill('"drop table"')
    await page.getByRole('button', { name: 'Search' }).click()
    await page.waitForURL(/text=%22drop\+table%22&decision=block/)
    await sessionRows(page).filter({ hasText: 'shop-agent' }).waitFor()
    await page.goto(`${address}/sessions?actor=nobody`)
    await page.getByRole('heading', { name: 'No session fits' }).waitFor()
    await page.getByRole('button', { name: 'Clear' }).click()
    await sessionRows(page).filter({ hasText: 'shop-agent' }).waitFor()
  })

  await t.test('the numbers of the drawing are there as a table', async () => {
    await page.getByRole('button', { name: 'Show the numbers' }).click()
    const numbers = page.getByRole('table', { name: 'Statements per hour' })
    await numbers.getByRole('columnheader', { name: 'Blocked' }).waitFor()
  })

  await t.test('the session shows who, for whom, and the blocked statement', async () => {
    await sessionRows(page).getByRole('link').first().click()
    await page.getByRole('heading', { name: 'shop-agent on shop' }).waitFor()
    await page.getByText('Policy at the start (SHA-256)').waitFor()
    const drop = statement(page, 'DROP TABLE customers')
    await drop.getByText('blocked').first().waitFor()
    await drop.getByText('by rule no-ddl-for-agents').waitFor()
    await drop.getByRole('button', { expanded: false }).click()
    await drop.getByText('Blocked: it never reached the target').waitFor()
  })

  await t.test('it says what went out masked, and not of what had nothing to mask', async () => {
    const contacts = statement(page, 'SELECT id, name, email, phone')
    await contacts.getByText('masked', { exact: true }).waitFor()
    await contacts.getByText(/^5 email, \d phone, 5 birth-date masked$/).waitFor()
    await contacts.getByRole('button', { expanded: false }).click()
    await contacts.getByText(/^tokens by key [0-9a-f]{16}$/).waitFor()
    const orders = statement(page, 'SELECT status, count(*) FROM orders')
    await orders.getByText('allowed', { exact: true }).waitFor()
  })

  await t.test('what ran and was rolled back says so, and by what', async () => {
    const session = await stack.demo.connect('agent')
    const client = new Client({ ...session, ssl: { ca: session.ca } })
    await client.connect()
    const change = (stock: number): string => `UPDATE products SET stock = ${stock} WHERE id = 1`
    for (const text of ['BEGIN', change(1), 'SAVEPOINT a', change(2), 'ROLLBACK']) {
      await client.query(text)
    }
    await client.query("SELECT 1 AS one; SELECT 'x' AS two, 3 AS three")
    await client.query(`BEGIN; ${change(3)}`)
    await assert.rejects(client.query('SELECT stock / 0 FROM products'))
    assert.equal((await client.query('COMMIT')).command, 'ROLLBACK')
    for (const text of ['BEGIN', change(4), 'SAVEPOINT a', change(5)]) await client.query(text)
    for (const text of ['ROLLBACK TO a', 'COMMIT', 'BEGIN', change(6)]) await client.query(text)
    await client.end()
    const { query } = stack.demo.product
    const ended = await eventually('the end of the session', async () => {
      const [hit] = (await query.search({ text: '"SET stock = 6"' })).hits
      const found = hit?.sessionId == null ? null : await query.session(hit.sessionId)
      return found?.endedAtMs == null ? null : found
    })
    const before = page.url()
    await page.goto(`${address}/sessions/${ended.sessionId}`)
    const changed = (stock: number) => statement(page, `SET stock = ${stock} `)
    await changed(6).getByText('not committed').waitFor()
    for (const stock of [1, 2, 3, 5]) await changed(stock).getByText('rolled back').waitFor()
    const statements = page.getByRole('region', { name: 'Statements' })
    assert.equal(await statements.getByText(/^(rolled back|not committed)$/).count(), 5)
    await statement(page, 'COMMIT').getByText('the target answered ROLLBACK').waitFor()
    await changed(3).getByRole('button', { expanded: false }).click()
    await changed(3).getByText('It was rolled back by statement 9.').waitFor()
    await page.goto(`${address}/search?text=${encodeURIComponent('"SET stock"')}`)
    const found = (stock: number) => page.getByRole('row').filter({ hasText: `stock = ${stock} ` })
    await found(6).getByText('not committed').waitFor()
    for (const stock of [1, 2, 3, 5]) await found(stock).getByText('rolled back').waitFor()
    assert.equal(
      await found(4)
        .getByText(/rolled back|not committed/)
        .count(),
      0,
    )
    await page.goto(`${address}/sessions/${ended.sessionId}`)
    const both = statement(page, 'SELECT 1 AS one')
    await both.getByRole('button', { expanded: false }).click()
    const second = both.getByRole('group', { name: 'Recorded result 2' })
    assert.deepEqual(await second.getByRole('columnheader').allTextContents(), ['two', 'three'])
    const first = both.getByRole('group', { name: 'Recorded result 1' })
    assert.deepEqual(await first.getByRole('cell').allTextContents(), ['1'])
    await page.goto(before)
  })

  await t.test('a statement shows its bind parameters and its recorded result', async () => {
    const prepared = statement(page, 'WHERE customer_id = $1').first()
    await prepared.getByRole('button', { expanded: false }).click()
    await prepared.getByRole('table', { name: 'Bind parameters' }).waitFor()
    const result = prepared.getByRole('group', { name: 'Recorded result' })
    await result.getByRole('columnheader', { name: 'placed_at' }).waitFor()
    assert.equal(await result.getByRole('row').count(), 6)
  })

  await t.test('the proof of the blocked statement is verified in the browser', async () => {
    await openProof(page, 'DROP TABLE customers')
    await page.getByRole('button', { name: 'Verify in this browser' }).click()
    const verdict = page.getByRole('status').filter({ hasText: 'The leaf commits to the payload' })
    await verdict.getByText('Verified', { exact: true }).waitFor()
    assert.equal(await verdict.getByText('holds', { exact: true }).count(), 7)
  })

  await t.test('the downloaded proof is one that our own verifier accepts', async () => {
    const proof = parseTlogProof((await download(page, /tlog-proof/)).toString())
    const leaf = await download(page, 'Download the leaf')
    const { vkey } = await stack.demo.product.reader.head(JSON.parse(leaf.toString()).log)
    assert.equal(verifyLeafProof(proof, leaf, vkey).leaf.seq, proof.index)
  })

  await t.test('a proof whose entry was changed on the way is refused', async () => {
    await page.route('**/v1/entries/*/proof?*', async (route) => {
      const response = await route.fetch()
      const proof = (await response.json()) as { leafBase64: string }
      const leaf = Buffer.from(proof.leafBase64, 'base64').toString()
      const changed = leaf.replace('"outcome":"block"', '"outcome":"allow"')
      assert.notEqual(changed, leaf)
      await route.fulfill({
        response,
        json: { ...proof, leafBase64: Buffer.from(changed).toString('base64') },
      })
    })
    await page.reload()
    await page.getByRole('button', { name: 'Verify in this browser' }).click()
    await page.getByText('Refused', { exact: true }).waitFor()
    await page.unrouteAll({ behavior: 'wait' })
  })

  await t.test('a hit of the search leads to its statement in the session', async () => {
    await page.goto(`${address}/search`)
    await page.getByLabel('Search', { exact: true }).fill('loyalty_points')
    await page.getByRole('button', { name: 'Search' }).click()
    await page
      .getByRole('table', { name: 'Found' })
      .getByRole('link', { name: 'loyalty_points' })
      .click()
    await page.waitForURL(/\/sessions\/.*#request-/)
    await page.getByText('column "loyalty_points" does not exist').waitFor()
  })

  await t.test('on a telephone all of what was found is seen without moving sideways', async () => {
    const before = page.viewportSize()
    await page.setViewportSize({ width: 390, height: 844 })
    await page.goto(`${address}/search?text=loyalty_points`)
    const hit = page.getByRole('table', { name: 'Found' }).getByRole('row').last()
    for (const words of ['shop-agent', 'loyalty_points', 'error', /^position \d+$/]) {
      const box = await hit.getByText(words).first().boundingBox()
      assert.ok(box !== null && box.x >= 0 && box.x + box.width <= 390, String(words))
    }
    assert.equal(await page.getByLabel('Relation').isVisible(), false)
    await page.getByRole('button', { name: 'More conditions' }).click()
    await page.getByLabel('Relation').fill('nothing')
    await page.getByRole('button', { name: 'Search', exact: true }).click()
    await page.getByRole('heading', { name: 'Nothing fits' }).waitFor()
    assert.ok(await page.getByLabel('Relation').isVisible(), 'a condition in force is seen')
    if (before !== null) await page.setViewportSize(before)
  })

  await t.test('an address where nothing is says so on a page', async () => {
    const answer = await page.goto(`${address}/nowhere`)
    assert.equal(answer?.status(), 404)
    await page.getByRole('heading', { name: 'There is no such page' }).waitFor()
    await page.getByRole('link', { name: 'the first page' }).click()
    await page.getByRole('heading', { name: 'Sessions', level: 1 }).waitFor()
    const program = await fetch(`${address}/nowhere`)
    assert.match(String(program.headers.get('content-type')), /^application\/problem\+json/)
  })

  await t.test('a report is run, its bundle downloaded, and the bundle verified', async () => {
    await page.getByRole('link', { name: 'Reports' }).click()
    await page.getByRole('button', { name: 'Run now' }).click()
    const report = page.getByRole('article').first()
    const failure = report.getByText('The report failed')
    await report.getByRole('link', { name: 'Download' }).or(failure).waitFor({ timeout: 60_000 })
    assert.equal(await failure.count(), 0)
    await report.getByRole('table', { name: 'Determinations' }).waitFor()
    const bundle = await download(report, 'Download')
    const sha256 = createHash('sha256').update(bundle).digest('hex')
    await report.getByText(sha256).waitFor()
    const line = await report.getByRole('group', { name: 'Check the download' }).innerText()
    const [, keyFingerprint = ''] = /--key ([0-9a-f]{64})/.exec(line) ?? []
    assert.ok((await verifyBundle(bundle, { keyFingerprint })).ok)
  })

  await t.test('who signs out sees nothing any more', async () => {
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('link', { name: 'Sign in' }).waitFor()
    await page.goto(`${address}/sessions`)
    await page.getByRole('link', { name: 'Sign in' }).waitFor()
  })

  await t.test(
    'who has no role sees what an agent of hers was held for, and no other page',
    async () => {
      // With no cookie of the provider that still knows Sam.
      const other = await browser.newPage()
      await other.goto(address)
      await signIn(other, stack, 'olivia')
      await other.getByText('You see what you asked for, or an agent on your behalf.').waitFor()
      await other.getByText('DELETE FROM support_tickets').first().waitFor()
      assert.equal(await other.getByRole('link', { name: 'The session it comes from' }).count(), 0)
      const pages = other.getByRole('navigation', { name: 'Pages' })
      assert.deepEqual(await pages.getByRole('link').allTextContents(), ['Approvals'])
    },
  )

  assert.deepEqual(complaints, [])
})

async function signIn(page: Page, stack: DemoStack, username: string): Promise<void> {
  const account = stack.demo.issuer.accounts.find((each) => each.username === username)
  await page.getByRole('link', { name: 'Sign in' }).click()
  await page.getByLabel('Name').fill(username)
  await page.getByLabel('Password').fill(account?.password ?? '')
  await page.getByRole('button', { name: 'Sign in' }).click()
}

function sessionRows(page: Page) {
  return page.getByRole('table', { name: 'Sessions' }).getByRole('row')
}

function statement(page: Page, text: string) {
  return page
    .getByRole('region', { name: 'Statements' })
    .getByRole('listitem')
    .filter({ hasText: text })
}

async function openProof(page: Page, text: string): Promise<void> {
  await statement(page, text)
    .getByRole('link', { name: /^Proof of position/ })
    .first()
    .click()
}

async function download(within: Pick<Page, 'getByRole'>, name: string | RegExp): Promise<Buffer> {
  const link = within.getByRole('link', { name })
  const [downloaded] = await Promise.all([link.page().waitForEvent('download'), link.click()])
  return readFileSync(await downloaded.path())
}
