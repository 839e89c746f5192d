import { v5 as uuidv5 } from 'uuid'

import type { ReportException, RuleResult } from '../determination.ts'
import { mostIndices } from './ledger-facts.ts'
import { rules as ruleTexts } from './objectives.ts'

/** Names of exceptions are v5 UUIDs in this namespace, so that the same exception has the same id in every report. */
const exceptionNamespace = '5d0f8a5e-5f0c-4e52-9a43-3a0f6f0f2c11'

/** What a rule found in so many things; `notEvaluated`: why that is not all it asks. */
export function result(
  rule: string,
  checked: number,
  unit: string,
  exceptions: readonly ReportException[],
  notEvaluated: string | null = null,
): RuleResult {
  return { rule, checked, unit, exceptions, notEvaluated }
}

/** `first` stands for the first index where there is none. */
export function exception(
  rule: string,
  subject: string,
  sentence: string,
  indices: readonly string[],
  first = '',
  count = Math.max(1, indices.length),
): ReportException {
  const severity = ruleTexts.find(({ id }) => id === rule)?.severity ?? 'medium'
  const name = `${rule}\n${subject}\n${indices[0] ?? first}`
  const id = uuidv5(name, exceptionNamespace)
  return { id, rule, severity, subject, sentence, count, indices: indices.slice(0, mostIndices) }
}

export function instant(us: number): string {
  return `${new Date(Math.floor(us / 1000)).toISOString().slice(0, 19)}Z`
}
