import type { PolicyActors, PolicyRule } from '../../../../schemas/policy.ts'
import { compilePatterns } from './pattern.ts'
import { kindsOfStatements } from './rule-parts.ts'

/**
 * Whether a mask rule can never mask anything, since no rule lets through what it is about. Says so only where that is certain
 * from the text: a rule that is not understood, and two patterns with a star, may be about the same.
 */
export function isBesideNoAllow(mask: PolicyRule, rules: readonly (PolicyRule | null)[]): boolean {
  return rules.every(
    (rule) =>
      rule !== null && (rule.outcome === 'block' || rule.outcome === 'mask' || isApart(mask, rule)),
  )
}

function isApart(mask: PolicyRule, letting: PolicyRule): boolean {
  if (areApart(mask.targets, letting.targets)) return true
  if (areActorsApart(mask.actors ?? {}, letting.actors ?? {})) return true
  if (mask.statements === undefined) return false
  const kinds = kindsOfStatements(letting.statements ?? [])
  return [...kindsOfStatements(mask.statements)].every((kind) => !kinds.has(kind))
}

/** Somebody may be in groups of both, so groups tell nothing. */
function areActorsApart(one: PolicyActors, other: PolicyActors): boolean {
  const { kinds, subjects } = one
  if (kinds !== undefined && other.kinds?.every((kind) => !kinds.includes(kind)) === true) {
    return true
  }
  if (
    subjects !== undefined &&
    other.subjects !== undefined &&
    areApart(subjects, other.subjects)
  ) {
    return true
  }
  const behind = [one.on_behalf_of, other.on_behalf_of]
  return (
    behind.includes('forbidden') &&
    behind.some((each) => each !== undefined && each !== 'forbidden')
  )
}

function areApart(some: readonly string[], others: readonly string[]): boolean {
  return some.every((one) => others.every((other) => !mayMeet(one, other)))
}

function mayMeet(one: string, other: string): boolean {
  if (one.includes('*') && other.includes('*')) return true
  return compilePatterns([one]).matches(other) || compilePatterns([other]).matches(one)
}
