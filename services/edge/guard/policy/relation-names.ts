import { compilePatterns } from './pattern.ts'
import type { Patterns } from './pattern.ts'

/**
 * What a bare name may mean depends on the session's search path. An allow must cover every meaning; a block is led by any.
 */
export interface RelationPatterns {
  /** Whether an allow rule covers a relation: as it is written, or in every schema of the search path. */
  covers(name: string, searchPath: readonly string[]): boolean
  /**
   * Whether a block rule is about a relation: as it is written, in any schema of the search path, or, since a path can be set
   * on the target where nobody here sees it, by its last name alone, where the pattern names one. `*` and `schema.*` stand for
   * relations that are not named.
   */
  touches(name: string, searchPath: readonly string[]): boolean
}

export function compileRelations(texts: readonly string[]): RelationPatterns {
  const patterns = compilePatterns(texts)
  const lastNames = compilePatterns(texts.map(lastNameOf).filter((name) => !/^\**$/.test(name)))
  const schemas = compilePatterns(texts.map(schemaOf))
  return {
    covers: (name, path) =>
      patterns.matches(name) ||
      (isBare(name) && path.length > 0 && path.every((schema) => inSchema(patterns, schema, name))),
    touches: (name, path) =>
      patterns.matches(name) ||
      (texts.length > 0 && name === '*') ||
      (name.endsWith('.*') && schemas.matches(name.slice(0, -2))) ||
      (isBare(name) &&
        (lastNames.matches(name) || path.some((schema) => inSchema(patterns, schema, name)))),
  }
}

function inSchema(patterns: Patterns, schema: string, name: string): boolean {
  return patterns.matches(`${schema}.${name}`)
}

export function isBare(name: string): boolean {
  return !name.includes('.') || /^"(?:[^"]|"")*"$/.test(name)
}

export function lastNameOf(pattern: string): string {
  return /(?:^|\.)("(?:[^"]|"")*"|[^."]*)$/.exec(pattern)?.[1] ?? pattern
}

/** The part of a pattern that a schema's name can match; a pattern without one may be about any schema. */
function schemaOf(pattern: string): string {
  const last = lastNameOf(pattern)
  return last.length === pattern.length ? '*' : pattern.slice(0, -last.length - 1)
}
