import type { AgentStep } from './agent.ts'
import { DemoError } from './demo-error.ts'

/** One line for the person at the terminal. */
export function stepLine(step: AgentStep): string {
  const outcome = step.outcome === 'ok' ? `${step.rows} rows` : `${step.outcome} ${step.code ?? ''}`
  return `${step.label.padEnd(58)} ${outcome}`
}

/** Throws with the steps that did not go as the script says. */
export function requireExpected(steps: readonly AgentStep[]): void {
  const wrong = steps.filter((step) => !step.isExpected)
  if (wrong.length === 0) return
  throw new DemoError(
    'DEMO_AGENT_FAILED',
    `the agent's work did not go as it should: ${wrong.map(stepLine).join('; ')}`,
  )
}
