import type { PolicyActors, PolicyRule } from '../../../../schemas/policy.ts'
import { compilePatterns } from './pattern.ts'
import { kindsOfStatements } from './rule-parts.ts'

/**
 * The rule because of which another one can never decide anything; null when none is seen. It says so only where that is certain
 * from the text of both: what one covers or touches holds all of the other.
 */
export function shadowOf(
  rule: PolicyRule,
  index: number,
  rules: readonly (PolicyRule | null)[],
): { readonly by: PolicyRule; readonly why: string } | null {
  for (const [at, other] of rules.entries()) {
    if (other === null || at === index) continue
    if (other.outcome === 'block' && rule.outcome !== 'block' && blocksAllOf(other, rule)) {
      return { by: other, why: `blocks everything that it is about` }
    }
    const isFirst = at < index
    if (
      isFirst &&
      other.outcome === 'allow' &&
      rule.outcome === 'allow' &&
      allowsAllOf(other, rule)
    ) {
      return { by: other, why: `stands before it and allows all that it allows` }
    }
  }
  return null
}

/** Whether a block touches every message that a rule covers or touches. */
function blocksAllOf(block: PolicyRule, rule: PolicyRule): boolean {
  if (!isWithinScope(rule, block)) return false
  const { statements, relations, columns, functions, flags } = block
  if ([relations, columns, functions, flags].some((part) => part !== undefined)) return false
  if (statements === undefined) return true
  if (rule.statements === undefined) return false
  const all = kindsOfStatements(statements)
  const isWithin = [...kindsOfStatements(rule.statements)].every((kind) => all.has(kind))
  // Besides what it covers, a hold or mask touches messages that also have other kinds, but never without one of these.
  return isWithin
}

function allowsAllOf(wide: PolicyRule, narrow: PolicyRule): boolean {
  const kinds = kindsOfStatements(wide.statements ?? [])
  return (
    isWithinScope(narrow, wide) &&
    [...kindsOfStatements(narrow.statements ?? [])].every((kind) => kinds.has(kind)) &&
    isWithin(narrow.relations?.read, wide.relations?.read) &&
    isWithin(narrow.relations?.write, wide.relations?.write) &&
    isWithin(narrow.functions, wide.functions) &&
    (wide.columns?.read === undefined ||
      (narrow.columns?.read !== undefined && isWithin(narrow.columns.read, wide.columns.read))) &&
    (wide.columns?.write === undefined ||
      (narrow.columns?.write !== undefined && isWithin(narrow.columns.write, wide.columns.write)))
  )
}

/** Whether a rule is about no target and no actor that the other is not about, and never when the other is not. */
function isWithinScope(inner: PolicyRule, outer: PolicyRule): boolean {
  return (
    isWithin(inner.targets, outer.targets) &&
    areWithin(inner.actors ?? {}, outer.actors ?? {}) &&
    (outer.when === undefined || outer.when === inner.when)
  )
}

function areWithin(inner: PolicyActors, outer: PolicyActors): boolean {
  const lists = (['kinds', 'subjects', 'groups'] as const).every((name) => {
    const wanted = outer[name]
    return wanted === undefined || (inner[name] !== undefined && isWithin(inner[name], wanted))
  })
  if (!lists || outer.on_behalf_of === undefined) return lists
  if (typeof outer.on_behalf_of === 'string' || typeof inner.on_behalf_of === 'string') {
    const isSomebody = outer.on_behalf_of === 'required' && Array.isArray(inner.on_behalf_of)
    return inner.on_behalf_of === outer.on_behalf_of || isSomebody
  }
  return inner.on_behalf_of !== undefined && isWithin(inner.on_behalf_of, outer.on_behalf_of)
}

/** A pattern whose text another matches lies within it, since every star of the text is matched by a star. */
function isWithin(inner: readonly string[] = [], outer: readonly string[] = []): boolean {
  const patterns = compilePatterns(outer)
  return inner.every((pattern) => outer.includes(pattern) || patterns.matches(pattern))
}
