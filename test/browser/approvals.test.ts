import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Client, DatabaseError } from 'pg'

import { demoStack } from '../support/demo-stack.ts'
import { requireProgram } from '../support/engine.ts'
import { aBrowser, complaintsOf } from './a-browser.ts'
import { builtConsole } from './built-console.ts'

test('a second person approves in the console what an agent would delete, and it runs once', async (t) => {
  const chromium = requireProgram(t, 'chromium', 'chromium-browser', 'google-chrome')
  if (chromium === null) return
  await builtConsole()
  await using stack = await demoStack()
  await using browser = await aBrowser(chromium)
  const page = await browser.newPage()
  page.setDefaultTimeout(15_000)
  const complaints = complaintsOf(page)
  const { demo } = stack

  const session = await demo.connect('agent')
  const agent = new Client({ ...session, ssl: { ca: session.ca } })
  await agent.connect()
  const tickets = async (): Promise<number> => {
    const { rows } = await agent.query<{ n: number }>(
      'SELECT count(*)::int AS n FROM support_tickets WHERE id = 1',
    )
    return rows[0]?.n ?? 0
  }
  const remove = async (): Promise<string> => {
    try {
      await agent.query('DELETE FROM support_tickets WHERE id = $1', [1])
      return 'deleted'
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error
      return error.message
    }
  }
  assert.equal(await tickets(), 1)
  assert.match(await remove(), /held for approval [0-9a-f-]{36} until/)

  await page.goto(demo.product.address)
  const nia = demo.issuer.accounts.find(({ username }) => username === 'nia')
  await page.getByRole('link', { name: 'Sign in' }).click()
  await page.getByLabel('Name').fill('nia')
  await page.getByLabel('Password').fill(nia?.password ?? '')
  await page.getByRole('button', { name: 'Sign in' }).click()

  await page.getByRole('heading', { name: 'Approvals', level: 1 }).waitFor()
  const item = page.getByRole('article', { name: /^delete by .* at shop$/ })
  await item.getByText('on behalf of Olivia Okafor').waitFor()
  await item.getByText('DELETE FROM support_tickets WHERE id = $1').waitFor()
  await item.getByText('$1 = 1').waitFor()
  await item.getByText('agents-delete-with-approval (1 × approvers)').waitFor()
  const picture = process.env['APPROVALS_PICTURE']
  if (picture !== undefined) await page.screenshot({ path: picture, fullPage: true })
  await item.getByLabel('Reason').fill('the ticket was opened twice')
  await item.getByRole('button', { name: 'Approve' }).click()
  await page.getByRole('heading', { name: 'Nothing waits for approval' }).waitFor()

  let outcome = await remove()
  while (outcome.startsWith('held for')) outcome = await remove()
  assert.equal(outcome, 'deleted')
  assert.equal(await tickets(), 0)
  assert.match(await remove(), /held for approval/, 'a second use is another request')
  await page.getByText('All of the last day').click()
  await page.getByText('approved and used').waitFor()
  await page.getByText('Approved by Nia Novák: the ticket was opened twice').waitFor()
  await agent.end()
  assert.deepEqual(complaints, [])
})
