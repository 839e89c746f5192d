import type { ClassificationFile, ClassifiedColumn } from '../../../../schemas/classification.ts'
import schema from '../../../../schemas/classification.schema.json' with { type: 'json' }
import {
  compileSchema,
  inOrder,
  parseYamlDocument,
} from '../../../../schemas/validated-document.ts'
import type { Problem } from '../../../../schemas/validated-document.ts'
import type { MaskMethod } from './mask-value.ts'

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
    if (entry.detect !== undefined && entry.mask !== undefined) {
      const message =
        'expected either mask or detect: what is masked as a whole is not looked through'
      problems.push(document.at(['columns', index, 'mask'], message))
    }
    return {
      name: entry.column,
      schema: schemaName,
      relation,
      column,
      dataClass: entry.class,
      method: methodOf(entry),
      isForbiddenInConditions: entry.use === 'no-use',
    }
  })
  return problems.length > 0 ? { ok: false, problems: inOrder(problems) } : { ok: true, columns }
}

function methodOf({ detect, mask = 'null', text = '' }: ClassifiedColumn): MaskMethod {
  if (detect !== undefined) return { kind: 'detect', detectors: detect }
  return mask === 'fixed' ? { kind: 'fixed', text: Buffer.from(text) } : { kind: mask }
}

/** The parts of a dotted name, without their quotes. */
function partsOf(name: string): readonly string[] {
  return (name.match(/"(?:[^"]|"")+"|[^".]+/g) ?? []).map((part) =>
    part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part,
  )
}
