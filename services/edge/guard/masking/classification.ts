import type {
  ClassificationFile,
  ClassifiedColumn,
  ClassifiedPath,
} from '../../../../schemas/classification.ts'
import schema from '../../../../schemas/classification.schema.json' with { type: 'json' }
import {
  compileSchema,
  inOrder,
  parseYamlDocument,
} from '../../../../schemas/validated-document.ts'
import type { Problem } from '../../../../schemas/validated-document.ts'
import { jsonPath } from './json-path.ts'
import type { JsonPathMask, MaskMethod, TextMaskMethod } from './mask-value.ts'

/** A column whose values do not leave unmasked. */
export interface MaskedColumn {
  /** `schema.table.column`, as the file names it. Tokens of different columns differ. */
  readonly name: string
  readonly schema: string
  readonly relation: string
  readonly column: string
  readonly dataClass: string
  readonly method: MaskMethod
  readonly isForbiddenInConditions: boolean
}

export type ClassificationResult =
  | { readonly ok: true; readonly columns: readonly MaskedColumn[] }
  | { readonly ok: false; readonly problems: readonly Problem[] }

const validator = compileSchema<ClassificationFile>(schema)

/** Reads a classification and reports everything that is wrong with it at once. */
export function loadClassification(text: string, file: string): ClassificationResult {
  const document = parseYamlDocument(text, file, validator)
  if (!document.ok) return document
  const problems: Problem[] = []
  const seen = new Set<string>()
  const columns = document.value.columns.map((entry, index): MaskedColumn => {
    const [schemaName = '', relation = '', column = ''] = partsOf(entry.column)
    const name = [schemaName, relation, column].join('.')
    if (seen.has(name)) {
      problems.push(
        document.at(['columns', index, 'column'], `${entry.column} is classified already`),
      )
    }
    seen.add(name)
    const report: Report = (path, message) => {
      problems.push(document.at(['columns', index, ...path], message))
    }
    const { mask, detect, json } = entry
    if (detect !== undefined && mask !== undefined) {
      report(
        ['mask'],
        'expected either mask or detect: what is masked as a whole is not looked through',
      )
    }
    if (json !== undefined && (mask ?? detect) !== undefined) {
      report(
        [mask === undefined ? 'detect' : 'mask'],
        'expected only json: of the rest of the value everything is shown',
      )
    }
    return {
      name: entry.column,
      schema: schemaName,
      relation,
      column,
      dataClass: entry.class,
      method: methodOf(entry, report),
      isForbiddenInConditions: entry.use === 'no-use',
    }
  })
  return problems.length > 0 ? { ok: false, problems: inOrder(problems) } : { ok: true, columns }
}

type Report = (path: readonly (string | number)[], message: string) => void

function methodOf(entry: ClassifiedColumn, report: Report): MaskMethod {
  if (entry.json !== undefined) return { kind: 'json', paths: pathsOf(entry.json, report) }
  if (entry.detect !== undefined) return { kind: 'detect', detectors: entry.detect }
  return wholeMethodOf(entry)
}

function wholeMethodOf({
  mask = 'null',
  text = '',
}: Pick<ClassifiedPath, 'mask' | 'text'>): TextMaskMethod {
  return mask === 'fixed' ? { kind: 'fixed', text: Buffer.from(text) } : { kind: mask }
}

function pathsOf(paths: readonly ClassifiedPath[], report: Report): readonly JsonPathMask[] {
  return paths.map((entry, index) => {
    const { path } = entry
    const steps = jsonPath(path)
    const place = ['json', index, 'path']
    if (steps === null)
      report(place, `expected a path such as $.contact.email or $.phones[*].number`)
    if (paths.findIndex((other) => other.path === path) < index) {
      report(place, `${path} is classified already`)
    }
    return { path, steps: steps ?? [], method: wholeMethodOf(entry) }
  })
}

/** The parts of a dotted name, without their quotes. */
function partsOf(name: string): readonly string[] {
  return (name.match(/"(?:[^"]|"")+"|[^".]+/g) ?? []).map((part) =>
    part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part,
  )
}
