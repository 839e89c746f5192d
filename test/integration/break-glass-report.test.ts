import assert from 'node:assert/strict'
import { after, before, mock, suite, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

import { parse } from 'csv-parse/sync'
import type { Client } from 'pg'

import type { ReportRun } from '../../services/api/schemas/reports.ts'
import type { Person } from '../../services/all-in-one/demo/issuer/people.ts'
import { readZip, unpackEntry } from '../../services/reporter/bundle/zip.ts'
import { verifyBundle } from '../../services/reporter/verify.ts'
import { aDeployment } from '../support/deployment.ts'
import type { Deployment } from '../support/deployment.ts'
import {
  aPerson,
  approvalIdIn,
  approvalOf,
  peopleCount,
  runsSoon,
  tried,
} from '../support/held-statements.ts'
import type { RunningProduct } from '../support/product-process.ts'

const policy = `version: 1
rules:${peopleCount}
  - id: deletes-wait
    targets: ['*']
    statements: [delete]
    outcome: hold
    approval: { role: approvers, break_glass: { role: on-call, review_within_hours: 1 } }
`

const people: readonly Person[] = [
  aPerson('olivia', 'Olivia Okafor', ['on-call']),
  aPerson('nia', 'Nia Novák', ['approvers']),
  aPerson('sam', 'Sam Silva', ['security']),
  aPerson('ada', 'Ada Adler', ['auditors']),
]

/** Beyond the hour within which each has to be reviewed. */
const laterMs = 3_900_000

suite('AC5-09 over what the product itself has recorded of break-glass', () => {
  let deployment: Deployment
  let product: RunningProduct
  let client: Client
  const broken: { readonly id: string; readonly due: string }[] = []
  const fromMs = Date.now()

  before(async () => {
    deployment = await aDeployment({ policy, people })
    product = await deployment.start()
    client = await deployment.connected()
    await client.query('INSERT INTO numbers VALUES (1), (2), (3)')
  })
  after(async () => {
    mock.timers.reset()
    await deployment[Symbol.asyncDispose]()
  })

  async function asked<T>(username: string, path: string, body?: unknown): Promise<T> {
    const response = await deployment.call(username, path, body)
    if (!response.ok) assert.fail(`${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as T
  }

  /** Olivia breaks the glass, and it runs. */
  async function breakGlass(n: number): Promise<void> {
    const text = `DELETE FROM numbers WHERE n = ${n}`
    const id = approvalIdIn(await tried(client, text))
    const { binding_sha256 } = await approvalOf(deployment, id)
    const { review } = await asked<{ review: { due_at: string } }>(
      'olivia',
      `/v1/approvals/${id}/override`,
      { reason: 'the shop is down', binding_sha256 },
    )
    broken.push({ id, due: review.due_at })
    await runsSoon(client, text)
  }

  async function untilFound(kind: string, count: number): Promise<void> {
    for (;;) {
      const { hits } = await asked<{ hits: object[] }>('sam', `/v1/search?kind=${kind}`)
      if (hits.length === count) return
      await pause(200)
    }
  }

  /** Nia says what she found of it. */
  async function review({ id }: { readonly id: string }, verdict: string): Promise<void> {
    const { overrides } = await asked<{
      overrides: { approval_id: string; binding_sha256: string }[]
    }>('nia', '/v1/overrides')
    const { binding_sha256 } = overrides.find(({ approval_id }) => approval_id === id) ?? {}
    await asked('nia', `/v1/overrides/${id}/review`, {
      verdict,
      reason: 'looked at it',
      binding_sha256,
    })
  }

  test('three are broken, one is reviewed in time, one late, one never', async () => {
    for (const n of [1, 2, 3]) await breakGlass(n)
    const [inTime, late] = broken
    assert.ok(inTime !== undefined && late !== undefined)
    await review(inTime, 'justified')
    await client.end()
    assert.equal(await product.stop(), 0)
    // From here on the issuer's clock is ahead too.
    mock.timers.enable({ apis: ['Date'], now: Date.now() + laterMs })
    product = await deployment.start(laterMs)
    await untilFound('override.overdue', 2)
    await review(late, 'not_justified')
    await untilFound('override.reviewed', 2)
  })

  test('the rule names the two that were not reviewed in time, with what tells of them', async () => {
    const files = await reported()
    const rows = parse(files.get('exceptions.csv') ?? '', { columns: true })
    const found = (rows as Record<string, string>[]).filter(({ rule }) => rule === 'AC5-09')
    assert.deepEqual(
      new Set(found.map(({ subject }) => subject)),
      new Set([broken[1]?.id, broken[2]?.id]),
    )
    const findingOf = (id = ''): string =>
      found.find(({ subject }) => subject === id)?.['finding'] ?? ''
    assert.match(findingOf(broken[1]?.id), /its review by another person was due at .* came at /)
    assert.match(
      findingOf(broken[2]?.id),
      /^Olivia Okafor broke the glass at numbers .* had not come by /,
    )
    const [late = '', never = ''] = [1, 2].map(
      (at) => found.find(({ subject }) => subject === broken[at]?.id)?.['ledger_indices'] ?? '',
    )
    assert.deepEqual(await typesOf(late), [
      'approval.overridden',
      'override.overdue',
      'override.reviewed',
    ])
    assert.deepEqual(await typesOf(never), ['approval.overridden', 'override.overdue'])
    const table = tableIn(files.get('report.md')?.toString() ?? '')
    const dueOf = (at: number) => broken[at]?.due.slice(0, 19).replace('T', ' ')
    assert.deepEqual(
      table.map(([due, by, target, , reviewer, verdict]) => [due, by, target, reviewer, verdict]),
      [
        [dueOf(0), 'Olivia Okafor', 'numbers', 'Nia Novák', 'justified'],
        [dueOf(1), 'Olivia Okafor', 'numbers', 'Nia Novák', 'not justified'],
        [dueOf(2), 'Olivia Okafor', 'numbers', '–', '–'],
      ],
    )
  })

  /** What stands in the ledger at these `log:position`. */
  async function typesOf(indices: string): Promise<readonly string[]> {
    const types: string[] = []
    for (const index of indices.split(' ')) {
      const [, log = '', position = ''] = /^(.*):(\d+)$/.exec(index) ?? []
      const { event } = await asked<{ event: { type: string } }>(
        'sam',
        `/v1/entries/${position}?log=${encodeURIComponent(log)}`,
      )
      types.push(event.type)
    }
    return types.sort()
  }

  /** The files of the report that the auditor asks for, once its bundle is verified. */
  async function reported(): Promise<ReadonlyMap<string, Buffer>> {
    const from = new Date(fromMs).toISOString()
    let run = await asked<ReportRun>('ada', '/v1/reports', { control: 'au-2', from })
    while (run.state === 'running') {
      await pause(200)
      run = await asked<ReportRun>('ada', `/v1/reports/${run.id}`)
    }
    assert.equal(run.state, 'done', run.reason ?? '')
    const download = await deployment.call('ada', `/v1/reports/${run.id}/download`)
    const bundle = Buffer.from(await download.arrayBuffer())
    const verified = await verifyBundle(bundle, { keyFingerprint: run.keyFingerprint ?? '' })
    assert.ok(verified.ok, JSON.stringify(verified))
    const { entries } = readZip(bundle, 100_000_000)
    return new Map(entries.map((entry) => [entry.path, unpackEntry(entry)]))
  }
})

/** The rows of the table of break-glass. */
function tableIn(markdown: string): readonly (readonly string[])[] {
  const [, section = ''] = markdown.split('Break-glass (AC-3(10))').slice(-2)
  const [own = ''] = section.split('\n#')
  const lines = own.split('\n').filter((line) => line.startsWith('|'))
  return lines.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}
