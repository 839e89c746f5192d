import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'

import { Client, DatabaseError } from 'pg'
import type { Browser, Page } from 'playwright-core'

import { builtConsole } from '../../services/all-in-one/demo/built-console.ts'
import { demoPeople } from '../../services/all-in-one/demo/issuer/people.ts'
import { demoStack, eventually } from '../support/demo-stack.ts'
import type { DemoStack } from '../support/demo-stack.ts'
import { requireProgram } from '../support/engine.ts'
import { aBrowser, complaintsOf } from './a-browser.ts'

// Olivia has the approver's role as well: what an agent asks for her is still not hers to approve.
const people = demoPeople.map((person) =>
  person.username === 'olivia' ? { ...person, groups: [...person.groups, 'approvers'] } : person,
)

test('a second person approves in the console what an agent would delete, and it runs once', async (t) => {
  const chromium = requireProgram(t, 'chromium', 'chromium-browser', 'google-chrome')
  if (chromium === null) return
  await builtConsole(() => undefined)
  await using stack = await demoStack({ people })
  await using browser = await aBrowser(chromium)
  // Three people at three machines: the issuer knows each by a cookie of its own.
  const [page, analyst, owner] = [await aPage(browser), await aPage(browser), await aPage(browser)]
  const complaints = [complaintsOf(page), complaintsOf(analyst), complaintsOf(owner)]
  const { demo } = stack
  const agent = await anAgent(stack)
  let approvalId = ''
  let held = 0
  const remove = (): Promise<string> => {
    held += 1
    return removed(agent)
  }

  await t.test('the agent sees contact data masked, and its DELETE is held', async () => {
    const { rows } = await agent.query<{ email: string }>('SELECT email FROM customers LIMIT 5')
    assert.equal(rows.length, 5)
    for (const { email } of rows) assert.doesNotMatch(email, /@\w/, 'an address was seen')
    assert.equal(await tickets(agent), 1)
    approvalId = /held for approval ([0-9a-f-]{36}) until/.exec(await remove())?.[1] ?? ''
    assert.notEqual(approvalId, '')
  })

  await t.test('whoever is behind the agent cannot approve it', async () => {
    const { accessToken } = await demo.tokenOf('olivia')
    const headers = { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' }
    const address = `${demo.product.address}/v1/approvals/${approvalId}`
    const asked = await eventually('the approval at the api', async () => {
      const response = await fetch(address, { headers })
      return response.ok ? ((await response.json()) as { binding_sha256: string }) : null
    })
    const answer = await fetch(`${address}/answers`, {
      method: 'POST',
      headers,
      body: JSON.stringify({
        verdict: 'grant',
        reason: 'mine',
        binding_sha256: asked.binding_sha256,
      }),
    })
    const { detail } = (await answer.json()) as { readonly detail: string }
    assert.equal(answer.status, 403, detail)
    assert.match(detail, /the requester acts for you/)
  })

  await t.test('another person sees what is held, by which rule, and approves', async () => {
    await page.goto(demo.product.address)
    await signIn(page, stack, 'nia')
    await page.getByRole('heading', { name: 'Approvals', level: 1 }).waitFor()
    const item = page.getByRole('article', { name: /^delete by .* at shop$/ })
    await item.getByText('on behalf of Olivia Okafor').waitFor()
    await item.getByText('DELETE FROM support_tickets WHERE id = $1').waitFor()
    await item.getByText('$1 = 1').waitFor()
    await item.getByText('agents-delete-with-approval (1 × approvers)').waitFor()
    await picture(page, 'approvals-waiting')
    await item.getByLabel('Reason').fill('the ticket was opened twice')
    await item.getByRole('button', { name: 'Approve' }).click()
    await page.getByRole('heading', { name: 'Nothing waits for approval' }).waitFor()
    await page
      .getByRole('status')
      .filter({ hasText: /^Approved: delete by .* at shop/ })
      .waitFor()
    await picture(page, 'approvals-answered')
  })

  await t.test('it runs once; a second use is another request', async () => {
    let outcome = await remove()
    while (outcome.startsWith('held for')) outcome = await remove()
    assert.equal(outcome, 'deleted')
    assert.equal(await tickets(agent), 0)
    const again = /held for approval ([0-9a-f-]{36})/.exec(await remove())?.[1]
    assert.notEqual(again ?? approvalId, approvalId)
    await page.getByText('All of the last day').click()
    await page.getByText('approved and used').waitFor()
    await page
      .getByText(/^Approved by Nia Novák: the ticket was opened twice \(\d{4}-.* UTC\)$/)
      .waitFor()
    await picture(page, 'approvals-all')
  })

  await t.test('the search finds it by who approved, and leads to the session', async () => {
    await analyst.goto(demo.product.address)
    await signIn(analyst, stack, 'sam')
    const found = analyst.getByRole('table', { name: 'Found' })
    await eventually('the use of the grant in the search', async () => {
      await analyst.goto(`${demo.product.address}/search?approver=Nia+Nov%C3%A1k`)
      await found.waitFor()
      return (await found.getByText('runs with the approval of Nia Novák').count()) > 0 || null
    })
    await found
      .getByText(`approved: the ticket was opened twice (approval ${approvalId})`)
      .waitFor()
    await picture(analyst, 'search-approver')
    await found.getByRole('link', { name: 'approval.used' }).click()
  })

  await t.test('the list of sessions counts what was held, also what then ran', async () => {
    await analyst.getByRole('heading', { name: 'shop-agent on shop' }).waitFor()
    const session = analyst.url()
    await analyst.goto(`${demo.product.address}/sessions`)
    const table = analyst.getByRole('table', { name: 'Sessions' })
    const cells = table.getByRole('row').filter({ hasText: 'shop-agent' }).getByRole('cell')
    await cells.first().waitFor()
    const names = await table.getByRole('columnheader').allInnerTexts()
    await cells.nth(names.indexOf('Held')).getByText(`‖ ${held}`, { exact: true }).waitFor()
    assert.equal(await cells.nth(names.indexOf('Blocked')).innerText(), '0')
    await picture(analyst, 'sessions')
    await analyst.goto(session)
  })

  await t.test('the session shows who asked, for whom, by which rule, who approved', async () => {
    await analyst.getByRole('heading', { name: 'shop-agent on shop' }).waitFor()
    const steps = analyst.getByRole('table', { name: 'Steps of the approval' }).first()
    await steps.getByText('asked by shop-agent on behalf of Olivia Okafor').waitFor()
    await steps.getByText('rule agents-delete-with-approval, which needs 1 × approvers').waitFor()
    await steps.getByText('by Nia Novák: the ticket was opened twice').waitFor()
    await steps.getByText('with the approval of Nia Novák').waitFor()
    assert.equal(await steps.getByRole('link', { name: /^Proof of position/ }).count(), 3)
    await picture(analyst, 'session')
    const statements = analyst.getByRole('region', { name: 'Statements' }).getByRole('listitem')
    const deletions = statements.filter({ hasText: 'DELETE FROM support_tickets' })
    await deletions.filter({ hasText: 'held' }).first().waitFor()
    await deletions.filter({ hasText: 'approved by Nia Novák' }).first().waitFor()
    await deletions.filter({ hasText: 'waits for approval' }).waitFor()
    await steps
      .getByRole('link', { name: /^Proof of position/ })
      .nth(1)
      .click()
    await analyst.getByRole('dialog').getByText('approval.granted').first().waitFor()
    await picture(analyst, 'session-proof')
  })

  await t.test('whom the agent acts for breaks the glass, and it runs once', async () => {
    await owner.goto(`${demo.product.address}/approvals`)
    await signIn(owner, stack, 'olivia')
    const item = owner.getByRole('article', { name: /^delete by .* at shop$/ })
    await item.getByText('by operations, reviewed within 24 h').waitFor()
    assert.equal(await item.getByRole('button', { name: 'Approve' }).count(), 0)
    const button = item.getByRole('button', { name: 'Break the glass' })
    assert.ok(await button.isDisabled(), 'without a reason')
    await item.getByLabel('Why it cannot wait').fill('the shop is down')
    await picture(owner, 'break-glass')
    await button.click()
    await owner.getByRole('article', { name: 'Break-glass by Olivia Okafor at shop' }).waitFor()
    await owner.getByText('Somebody else with the role approvers reviews it').waitFor()
    let outcome = await remove()
    while (outcome.startsWith('held for')) outcome = await remove()
    assert.equal(outcome, 'deleted')
    await picture(owner, 'break-glass-broken')
  })

  await t.test('another person reviews it, and the session says so', async () => {
    await page.goto(`${demo.product.address}/approvals`)
    const item = page.getByRole('article', { name: 'Break-glass by Olivia Okafor at shop' })
    await item.getByText('Break-glass by Olivia Okafor: the shop is down').waitFor()
    await item.getByText('To be reviewed until').waitFor()
    await item.getByText('$1 = 1').waitFor()
    await item.getByLabel('What you found').fill('it was down indeed')
    await picture(page, 'review')
    await item.getByRole('button', { name: 'It was justified' }).click()
    await item.waitFor({ state: 'detached' })
    await analyst.goto(analyst.url().replace(/[?#].*/, ''))
    const statements = analyst.getByRole('region', { name: 'Statements' }).getByRole('listitem')
    await eventually('the review in the session', async () => {
      await analyst.reload()
      await statements.first().waitFor()
      const told = statements.getByText(
        'break-glass by Olivia Okafor: the shop is down; reviewed by Nia Novák: justified',
      )
      return (await told.count()) > 0 || null
    })
    await picture(analyst, 'session-break-glass')
  })

  await t.test(
    'the kill switch locks the agent out from the session, until it is let in',
    async () => {
      let isEnded = false
      agent.on('end', () => {
        isEnded = true
      })
      agent.on('error', () => undefined)
      await analyst.getByRole('button', { name: 'Kill switch …' }).click()
      const form = analyst.getByRole('form', { name: 'Kill switch' })
      await form.getByRole('radio', { name: 'End this session' }).waitFor()
      await form.getByRole('radio', { name: 'Lock out shop-agent' }).click()
      await form.getByLabel('Reason').fill('it deletes too much')
      await picture(analyst, 'kill-switch')
      await form.getByRole('button', { name: 'Lock out' }).click()
      await analyst.getByText('shop-agent is locked out').waitFor()
      await eventually('the end of the session', () => Promise.resolve(isEnded || null))
      await assert.rejects(anAgent(stack), /locked/)
      await analyst.getByRole('dialog').getByRole('link', { name: 'Lockouts' }).click()
      const lockout = analyst.getByRole('form', { name: 'actor shop-agent' })
      await lockout.getByText('it deletes too much').waitFor()
      await picture(analyst, 'lockouts')
      await lockout.getByLabel('Why it may come in again').fill('its prompt was repaired')
      await lockout.getByRole('button', { name: 'Let in again' }).click()
      await analyst.getByRole('heading', { name: 'Nothing is locked out' }).waitFor()
      await (await anAgent(stack)).end()
    },
  )

  assert.deepEqual(complaints.flat(), [])
})

async function aPage(browser: Browser): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } })
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  return page
}

async function anAgent({ demo }: DemoStack): Promise<Client> {
  const session = await demo.connect('agent')
  const agent = new Client({ ...session, ssl: { ca: session.ca } })
  await agent.connect()
  return agent
}

async function tickets(agent: Client): Promise<number> {
  const { rows } = await agent.query<{ n: number }>(
    'SELECT count(*)::int AS n FROM support_tickets WHERE id = 1',
  )
  return rows[0]?.n ?? 0
}

/** What became of the agent's deletion: `deleted`, or what it was told instead. */
async function removed(agent: Client): Promise<string> {
  try {
    await agent.query('DELETE FROM support_tickets WHERE id = $1', [1])
    return 'deleted'
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    return error.message
  }
}

async function signIn(page: Page, { demo }: DemoStack, username: string): Promise<void> {
  const account = demo.issuer.accounts.find((each) => each.username === username)
  await page.getByRole('link', { name: 'Sign in' }).click()
  await page.getByLabel('Name').fill(username)
  await page.getByLabel('Password').fill(account?.password ?? '')
  await page.getByRole('button', { name: 'Sign in' }).click()
}

/** To be looked at by a person: pictures go where APPROVALS_PICTURES says, and nowhere without it. */
async function picture(page: Page, name: string): Promise<void> {
  const directory = process.env['APPROVALS_PICTURES']
  if (directory === undefined) return
  await page.screenshot({ path: join(directory, `${name}.png`), fullPage: true })
}
