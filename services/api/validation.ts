import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'

/**
 * Checks what is asked for by its schema. In an address everything is text; what is to be a number is taken for one only if it is
 * written as one, so that nothing is cut, or guessed, to fit.
 */
export const schemaCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const compiled = Compile(schema)
  return (given: unknown) => {
    const value = httpPart === 'body' ? given : withNumbers(schema, given)
    if (compiled.Check(value)) return { value }
    const errors = compiled.Errors(value)
    return { error: httpPart === 'body' ? errors : errors.map((error) => withWhatIs(error, value)) }
  }
}

type Mistake = ReturnType<ReturnType<typeof Compile>['Errors']>[number]

const ofNumbers: ReadonlySet<string> = new Set(['type', 'minimum', 'maximum'])

/** An address is seen anyway, so what was asked for is said. */
function withWhatIs(mistake: Mistake, value: unknown): Mistake {
  const { keyword, message, instancePath } = mistake
  const is = (value as Readonly<Record<string, unknown>>)[instancePath.slice(1)]
  const isShort = typeof is === 'number' || (typeof is === 'string' && is.length <= 40)
  return ofNumbers.has(keyword) && isShort
    ? { ...mistake, message: `${message}, and is ${String(is)}` }
    : mistake
}

const decimal = /^-?\d+(?:\.\d+)?$/

function withNumbers(schema: TSchema, given: unknown): unknown {
  const { properties = {} } = schema as { properties?: Readonly<Record<string, { type?: string }>> }
  if (typeof given !== 'object' || given === null) return given
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => {
      const type = properties[name]?.type
      const isNumber = type === 'integer' || type === 'number'
      return [name, isNumber && typeof value === 'string' ? numberIn(value) : value]
    }),
  )
}

/** The text itself where it is no number that is kept exactly: then it is refused as what it is. */
function numberIn(text: string): number | string {
  const number = Number(text)
  const isExact = decimal.test(text) && Math.abs(number) <= Number.MAX_SAFE_INTEGER
  return isExact ? number : text
}
