import { lastNameOf } from '../../guard/policy/relation-names.ts'
import { isEffectOfServer } from '../facts/builtin-functions.ts'
import { namesOf, qualifiedName } from '../facts/names.ts'
import type { Message } from '../facts/options.ts'
import { StatementWalk } from '../facts/statement-walk.ts'

/**
 * Whether statements may hand what code of users answers to another function, which may store it or tell it elsewhere: as an argument,
 * or by way of FROM and WITH, whose rows any part of a statement may use.
 *
 * `unlisted` are the functions of their facts, with those that no call names.
 */
export function handsOnAnswers(
  statements: readonly unknown[],
  unlisted: readonly string[],
): boolean {
  const calls = new Calls()
  try {
    const { byUsers } = calls.inside(statements)
    const isUnnamed = (name: string): boolean => !calls.names.has(lastNameOf(name))
    return calls.areHandedOn || (byUsers && unlisted.some(isUnnamed))
  } catch (error) {
    // Deeper than the engine's stack.
    if (error instanceof RangeError) return true
    throw error
  }
}

/** What a part of a tree calls that is not known to be free of effects. */
interface Called {
  readonly count: number
  /** Whether some of it is code of users, which may read anything. */
  readonly byUsers: boolean
}

/** Goes through a tree once, from the inside out. */
class Calls {
  /** Without schemas: a bare name is found in another one. */
  readonly names = new Set<string>()
  areHandedOn = false

  inside(tree: unknown): Called {
    let [count, byUsers, isSourceByUsers] = [0, false, false]
    if (typeof tree !== 'object' || tree === null) return { count, byUsers }
    for (const [key, value] of Object.entries(tree)) {
      const part = this.inside(value)
      count += part.count
      byUsers ||= part.byUsers
      isSourceByUsers ||= part.byUsers && sources.has(key)
      // Of EXECUTE.
      if (part.byUsers && key === 'params') this.areHandedOn = true
    }
    const own = calledBy(tree as Message)
    if (own.length > 0 && byUsers) this.areHandedOn = true
    for (const name of own) this.names.add(lastNameOf(name))
    count += own.length
    byUsers ||= own.some((name) => !isEffectOfServer(name))
    if (isSourceByUsers && count > 1) this.areHandedOn = true
    return { count, byUsers }
  }
}

const sources: ReadonlySet<string> = new Set(['fromClause', 'usingClause', 'withClause'])

/** What this message itself calls, its parts aside. */
function calledBy({ funcname, name, lexpr, rexpr }: Message): readonly string[] {
  if (funcname !== undefined) {
    const walk = new StatementWalk()
    walk.statement({ FuncCall: { funcname } })
    return walk.facts([]).unlistedFunctions
  }
  const operator = lexpr === undefined && rexpr === undefined ? null : namesOf(name)
  const isQualified = operator !== null && operator.length > 1 && operator[0] !== 'pg_catalog'
  return isQualified ? [qualifiedName(operator)] : []
}
