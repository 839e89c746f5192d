import type { Verdict } from '../../guard/decision.ts'
import type { Facts } from '../../guard/facts.ts'
import type { Grammar } from '../facts/grammar.ts'
import type { StatementSubject } from '../statements/statement-policy.ts'
import { handsOnAnswers } from './handed-on.ts'
import { planMask } from './mask-plan.ts'
import type { MaskDecision } from './mask-plan.ts'
import { movesRelations } from './moved-relations.ts'
import { projectionOf } from './projection.ts'
import type { TargetMasking } from './target-masking.ts'

/** Finds how the answers of statements are masked for which rules of the policy demand it. */
export class MaskVerdicts {
  readonly #grammar: Grammar
  readonly #targets: ReadonlyMap<string, TargetMasking>

  constructor(grammar: Grammar, targets: ReadonlyMap<string, TargetMasking>) {
    this.#grammar = grammar
    this.#targets = targets
  }

  /** Null when nothing has to be masked. `isOpaque`: the answer may show what the text does not tell. */
  of(
    text: string,
    subject: StatementSubject,
    facts: Facts,
    verdict: Verdict,
    isOpaque: boolean,
  ): MaskDecision | null {
    if (verdict.outcome === 'block') return null
    const classes = demandedClasses(verdict)
    if (classes.size === 0) return null
    const masking = this.#targets.get(subject.target)
    if (masking === undefined) {
      return refused(`no classification says what to mask at ${subject.target}`)
    }
    if (masking.database !== subject.database) {
      return refused(`the classification is of the database ${masking.database}`)
    }
    const { catalog, key } = masking
    if (catalog === null) return refused('the catalog of the target cannot be read now')
    return planMask({
      catalog,
      classes,
      key,
      facts,
      isOpaque,
      handsOnAnswers: isOpaque && this.#handsOnAnswers(text, facts),
      moves: facts.kinds.includes('alter') && movesRelations(this.#grammar, text),
      projection: projectionOf(this.#grammar, text, catalog),
      onUnknown: () => masking.refreshSoon(),
    })
  }

  #handsOnAnswers(text: string, { unlistedFunctions }: Facts): boolean {
    const parsed = this.#grammar.parse(text)
    return !parsed.ok || handsOnAnswers(parsed.statements, unlistedFunctions)
  }
}

function demandedClasses({ obligations }: Verdict): ReadonlySet<string> {
  return new Set(obligations.flatMap((each) => (each.kind === 'mask' ? each.dataClasses : [])))
}

function refused(why: string): MaskDecision {
  return { ok: false, message: `its answer has to be masked, and ${why}` }
}
