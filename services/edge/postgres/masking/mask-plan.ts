import type { Facts } from '../../guard/facts.ts'
import type { MaskedColumn } from '../../guard/masking/classification.ts'
import type { Column } from '../protocol/backend.ts'
import { isEffectOfServer } from '../facts/builtin-functions.ts'
import { AnsweredColumns } from './answered-columns.ts'
import { isTelling, notUnderstood } from './catalog.ts'
import type { MaskCatalog } from './catalog.ts'
import { further } from './couplings.ts'
import type { Reach } from './couplings.ts'
import type { Projection } from './projection.ts'
import { RowMasker } from './row-masker.ts'
import type { Shown } from './shown-columns.ts'

/** How the answer to one statement is masked. */
export interface MaskPlan {
  /**
   * Of which reports of the target only the SQLSTATE goes out: `values` of those about values, whose words may quote masked ones;
   * `code` also of those that code of others may have worded.
   */
  readonly withheldReports: Reach
  /** What masks the rows under the RowDescription in [start, end); null where they go out as they are. */
  rows(bytes: Buffer, start: number, end: number): RowMasker | null
}

export type MaskDecision =
  | { readonly ok: true; readonly plan: MaskPlan }
  /** It cannot be run without showing, storing or handing on what is masked. A sentence for the person who asked. */
  | { readonly ok: false; readonly message: string }

export interface MaskRequest {
  readonly catalog: MaskCatalog
  /** Of the mask rules that apply; `*` for all. */
  readonly classes: ReadonlySet<string>
  readonly key: Uint8Array
  readonly facts: Facts
  /** The answer may show what the text does not tell: then only what the target says of a column counts. */
  readonly isOpaque: boolean
  /** What code of users answers may be handed to another function. */
  readonly handsOnAnswers: boolean
  /** Whether something that is written is called or placed otherwise afterwards. */
  readonly moves: boolean
  /** Null where the text is several statements. */
  readonly projection: Projection | null
  /** Is told when an answer has columns of relations that the catalog does not know. */
  readonly onUnknown: () => void
}

/** What may be run although it looks at masked columns: it answers rows, or changes some. */
const maskable: ReadonlySet<string> = new Set(
  [
    'select',
    'explain',
    'declare',
    'fetch',
    'prepare',
    'execute',
    'insert',
    'update',
    'delete',
    'merge',
  ].concat(['begin', 'commit', 'rollback', 'savepoint', 'release', 'lock']),
)

/** Decides whether and how a statement can be masked. Fails closed: what is not understood is not shown. */
export function planMask(request: MaskRequest): MaskDecision {
  const { catalog, classes, facts, isOpaque, projection } = request
  const told = facts.reads.find(isTelling)
  if (told !== undefined) return refused(`${told} may quote masked values`)
  const demanded = (columns: readonly MaskedColumn[]): readonly MaskedColumn[] =>
    columns.filter(({ dataClass }) => has(classes, dataClass))
  const masked = (of: Facts) => demanded(catalog.touched(of.columnsRead))
  const shows = (of: Shown) => demanded(catalog.shown(of))

  const moved = request.moves ? catalog.maskedOf(facts.writes) : undefined
  if (moved !== undefined) {
    const what = moved.name === '' ? 'what it shows' : moved.name
    return refused(`by another name, schema or parent ${what} would not be known as masked`)
  }
  const touched = masked(facts)
  // A constraint that fails quotes the whole row.
  const reach = catalog.reach(facts)
  const withheld = further(isOpaque ? 'code' : reach, touched.length > 0 ? 'values' : 'none')
  const carried = isOpaque ? pastTheMask(request) : null
  if (carried !== null) return refused(carried)
  if (touched.length === 0) {
    return { ok: true, plan: plan(request, isOpaque ? none : 'all harmless', withheld) }
  }
  const [first] = touched
  const name = first?.name ?? ''
  const kind = facts.kinds.find((each) => !maskable.has(each))
  if (kind !== undefined) return refused(`${kind} would carry ${name} past the mask`)
  if (facts.flags.includes('explain_analyze')) return refused(`how it runs would tell of ${name}`)
  if (facts.unlistedFunctions.length > 0) {
    return refused(`${facts.unlistedFunctions[0] ?? ''} would be handed ${name}`)
  }
  if (facts.kinds.some((each) => writing.has(each))) {
    // A write inside WITH, PREPARE or EXPLAIN may store whatever the statement looks at.
    const stored = projection?.stored == null ? touched : masked(projection.stored)
    if (stored[0] !== undefined) return refused(`${stored[0].name} would be stored elsewhere`)
  }
  const forbidden = forbiddenUse(projection, facts, masked)
  if (forbidden !== undefined) {
    return refused(`${forbidden.name} may be selected and not used in any other way`)
  }
  if (isOpaque) return { ok: true, plan: plan(request, none, withheld) }
  // A plan names columns and constants of the text, and what is estimated of values, which no-use forbids; no values.
  if (facts.kinds.includes('explain'))
    return { ok: true, plan: plan(request, 'all harmless', withheld) }
  const columns = projection?.columns?.map((column) => ({
    name: column.name,
    isHarmless: shows(column).length === 0,
  }))
  return { ok: true, plan: plan(request, columns ?? none, withheld) }
}

/** How what code of users answers would get past the mask, which only what is shown to the client goes through; null for not at all. */
function pastTheMask({ facts, handsOnAnswers, projection }: MaskRequest): string | null {
  if (facts.kinds.includes('copy_to')) {
    return 'copy_to would carry what code of users answers past the mask'
  }
  if (handsOnAnswers) return 'another function would be handed what code of users answers'
  const isStoring = (kind: string): boolean =>
    writing.has(kind) || (projection === null && defining.has(kind))
  const stored = projection?.stored ?? (facts.kinds.some(isStoring) ? facts : null)
  const byUsers = stored?.unlistedFunctions.find((name) => !isEffectOfServer(name))
  return byUsers === undefined ? null : `what ${byUsers} answers would be stored elsewhere`
}

const none: readonly ToldColumn[] = []
const defining: ReadonlySet<string> = new Set(['create', 'alter'])
const writing: ReadonlySet<string> = new Set(['insert', 'update', 'merge'])

/** A column that is used in another way than to be shown, although its classification forbids that. */
function forbiddenUse(
  projection: Projection | null,
  facts: Facts,
  masked: (of: Facts) => readonly MaskedColumn[],
): MaskedColumn | undefined {
  const isAnyUse = projection === null || projection.arrangesByShown
  return masked(isAnyUse ? facts : projection.used).find(
    ({ isForbiddenInConditions }) => isForbiddenInConditions,
  )
}

/** A column of the answer as the text and the catalog tell it. */
interface ToldColumn {
  /** Null where the server makes the name up. */
  readonly name: string | null
  readonly isHarmless: boolean
}

function plan(
  { catalog, classes, facts, key, onUnknown }: MaskRequest,
  told: 'all harmless' | readonly ToldColumn[],
  withheldReports: MaskPlan['withheldReports'],
): MaskPlan {
  const answersElse = catalog.answersElse(facts.writes)
  const maskOf = (
    { tableOid, attributeNumber }: Column,
    isHarmless: boolean,
  ): MaskedColumn | null => {
    if (answersElse) return notUnderstood
    if (tableOid === 0) return isHarmless ? null : notUnderstood
    const identity = catalog.identity(tableOid, attributeNumber)
    if (identity === 'plain') return null
    if (identity === 'unknown') {
      onUnknown()
      return notUnderstood
    }
    return identity === notUnderstood || has(classes, identity.dataClass) ? identity : null
  }
  const columns = new AnsweredColumns((described) => {
    const isHarmless = harmlessOf(told, described)
    return described.map((column, place) => maskOf(column, isHarmless(place)))
  }, key)
  return {
    withheldReports,
    rows: (bytes, start, end) => {
      const answered = columns.under(bytes, start, end)
      return answered === null ? null : new RowMasker(answered)
    },
  }
}

/** What the catalog says of the text counts for an answer of those columns, and for none that it has with others by now. */
function harmlessOf(
  told: 'all harmless' | readonly ToldColumn[],
  described: readonly Column[],
): (place: number) => boolean {
  if (told === 'all harmless') return () => true
  const isSame =
    told.length === described.length &&
    told.every(({ name }, place) => name === null || name === described[place]?.name)
  return (place) => isSame && told[place]?.isHarmless === true
}

function has(classes: ReadonlySet<string>, dataClass: string): boolean {
  return classes.has('*') || classes.has(dataClass) || dataClass === notUnderstood.dataClass
}

function refused(why: string): MaskDecision {
  return { ok: false, message: `it cannot be masked: ${why}` }
}
