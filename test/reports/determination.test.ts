import assert from 'node:assert/strict'
import { test } from 'node:test'

import { determine } from '../../reports/determination.ts'
import type { DeterminationInputs, Objective, RuleResult } from '../../reports/determination.ts'
import { objectives, rules } from '../../reports/au-2/objectives.ts'

const objective: Objective = {
  id: 'x_obj.a',
  asks: 'Something.',
  shownBy: 'events',
  rules: ['X-01'],
  parameters: ['x_odp'],
  needs: 'papers',
}
const evaluated: RuleResult = {
  rule: 'X-01',
  checked: 5,
  unit: 'events',
  exceptions: [],
  notEvaluated: null,
}
const found: RuleResult = {
  ...evaluated,
  exceptions: [
    { id: '1', rule: 'X-01', severity: 'high', subject: 's', sentence: 't', count: 1, indices: [] },
  ],
}

function stateOf(
  given: Partial<DeterminationInputs> & { rule?: RuleResult },
  of = objective,
): string {
  return determine(of, {
    rules: new Map([['X-01', given.rule ?? evaluated]]),
    parameters: { x_odp: 'daily' },
    populationRows: 5,
    incomplete: null,
    ...given,
  }).state
}

test('an objective is without exceptions only when everything it takes is there', () => {
  assert.equal(stateOf({}), 'no-exceptions')
  assert.equal(stateOf({ parameters: {} }), 'insufficient-data')
  assert.equal(stateOf({ parameters: { x_odp: '' } }), 'insufficient-data')
  assert.equal(stateOf({ populationRows: 0 }), 'insufficient-data')
  assert.equal(stateOf({ rules: new Map() }), 'insufficient-data')
  assert.equal(
    stateOf({ rule: { ...evaluated, notEvaluated: 'no canary ran' } }),
    'insufficient-data',
  )
})

test('exceptions count even when other things are missing, but not when the population is in doubt', () => {
  assert.equal(stateOf({ rule: found, parameters: {} }), 'exceptions')
  assert.equal(stateOf({ rule: found, incomplete: 'counted differently' }), 'insufficient-data')
})

test('what events show in part is never without reserve, and what documents show is not assessed', () => {
  assert.equal(stateOf({}, { ...objective, shownBy: 'events-in-part' }), 'partial-no-exceptions')
  assert.equal(stateOf({}, { ...objective, shownBy: 'documents' }), 'not-assessed')
})

test('every rule that an objective names exists, and every rule serves an objective', () => {
  const named = new Set(objectives.flatMap(({ rules }) => rules))
  assert.deepEqual([...named].sort(), rules.map(({ id }) => id).sort())
})
