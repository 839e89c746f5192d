import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'

import { aDeployment } from '../support/deployment.ts'
import { spawnUp } from '../support/product-process.ts'
import { NumberedLoad } from './numbered-load.ts'
import type { NumberedStatement } from './numbered-load.ts'
import { readSealed, requestsOf } from './sealed-ledger.ts'
import type { SealedRequest } from './sealed-ledger.ts'

export interface KillsOutcome {
  readonly kills: number
  readonly killsAtStart: number
  readonly sent: number
  readonly acknowledged: number
  readonly acknowledgedInserts: number
  /** Acknowledged statements that the ledger does not hold. */
  readonly missing: readonly LateStatement[]
  /** Acknowledged statements that are sealed, and whose completion says `unknown`. */
  readonly acknowledgedUnknown: readonly LateStatement[]
  /** Rows in the target that no sealed statement explains. */
  readonly unexplainedRows: number
  readonly ok: number
  readonly unknown: number
  readonly entries: number
  readonly repeats: number
}

export interface LateStatement {
  readonly n: number
  /** How long before the kill that followed it the client was told. */
  readonly msBeforeKill: number
}

/**
 * Kills the whole product under load again and again, at a random moment after it took its first statement, and now and then while it
 * starts; then stops it in order and holds what its ledger says against what clients and target know.
 */
export async function killAgainAndAgain(
  durability: 'strict' | 'batched',
  kills: number,
  tell: (line: string) => void,
): Promise<KillsOutcome> {
  await using deployment = await aDeployment({ durability })
  let product = await deployment.start()
  await using load = new NumberedLoad(await deployment.sessionPassword())
  const killed: Kill[] = []
  let killsAtStart = 0
  for (let kill = 1; kill <= kills; kill += 1) {
    await load.next()
    await pause(10 + Math.random() * 390)
    const sentAtMs = Date.now()
    await product.kill()
    killed.push({ sentAtMs, endedAtMs: Date.now() })
    if (kill % 5 === 0) {
      const starting = spawnUp(deployment.configFile)
      await pause(Math.random() * 2_500)
      const sentAtMs = Date.now()
      await starting[Symbol.asyncDispose]()
      killed.push({ sentAtMs, endedAtMs: Date.now() })
      killsAtStart += 1
    }
    product = await deployment.start()
    if (kill % 10 === 0) tell(`${kill} kills, ${load.acknowledged} statements acknowledged`)
  }
  await load.next()
  await load.stop()
  assert.equal(await product.stop(), 0, product.said)

  assert.deepEqual(
    load.refusals.map(({ code, message }) => `${code} ${message}`),
    [],
  )
  const sealed = await readSealed(deployment.config)
  const requests = requestsOf(sealed.events).filter(({ n }) => n !== null)
  const rows = await deployment.askTarget<{ n: string }>('SELECT n FROM numbers')
  return {
    ...compare(load.statements, requests, new Set(rows.map(({ n }) => Number(n))), killed),
    kills,
    killsAtStart,
    entries: sealed.entries,
    repeats: sealed.repeats,
  }
}

/** A process that waits for its disk ends only when that has answered. */
interface Kill {
  readonly sentAtMs: number
  readonly endedAtMs: number
}

/** What lay in a socket when its sender ended is read a little later. */
const lateMs = 200

function compare(
  statements: readonly NumberedStatement[],
  requests: readonly SealedRequest[],
  rows: ReadonlySet<number>,
  killed: readonly Kill[],
): Omit<KillsOutcome, 'kills' | 'killsAtStart' | 'entries' | 'repeats'> {
  const outcomes = new Map<number, SealedRequest['outcome']>()
  for (const { n, outcome } of requests) {
    assert.ok(n !== null && n < statements.length, `statement ${n} was never sent`)
    assert.ok(!outcomes.has(n), `statement ${n} is sealed twice`)
    outcomes.set(n, outcome)
  }
  const acknowledged = statements.filter(({ acknowledgedAtMs }) => acknowledgedAtMs !== null)
  const killOf = (ms: number): Kill | undefined =>
    killed.find(({ endedAtMs }) => endedAtMs + lateMs >= ms)
  const late = ({ n, acknowledgedAtMs }: NumberedStatement): LateStatement => ({
    n,
    msBeforeKill: Math.max(
      0,
      (killOf(acknowledgedAtMs ?? 0)?.sentAtMs ?? Infinity) - (acknowledgedAtMs ?? 0),
    ),
  })
  for (const { n, acknowledgedAtMs, isInsert } of statements) {
    const outcome = outcomes.get(n)
    const allowed = outcome === undefined || outcome === 'ok' || outcome === 'unknown'
    assert.ok(allowed, `statement ${n} is sealed as ${outcome}`)
    if (!isInsert) continue
    if (acknowledgedAtMs !== null) assert.ok(rows.has(n), `the acknowledged row ${n} is not there`)
    if (outcome === 'ok') assert.ok(rows.has(n), `row ${n} is sealed as inserted and is not there`)
  }
  return {
    sent: statements.length,
    acknowledged: acknowledged.length,
    acknowledgedInserts: acknowledged.filter(({ isInsert }) => isInsert).length,
    missing: acknowledged.filter(({ n }) => !outcomes.has(n)).map(late),
    acknowledgedUnknown: acknowledged.filter(({ n }) => outcomes.get(n) === 'unknown').map(late),
    unexplainedRows: [...rows].filter((n) => !outcomes.has(n)).length,
    ok: [...outcomes.values()].filter((outcome) => outcome === 'ok').length,
    unknown: [...outcomes.values()].filter((outcome) => outcome === 'unknown').length,
  }
}
