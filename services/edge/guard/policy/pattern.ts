/** Names with `*` for any characters, dots included. */
export interface Patterns {
  readonly texts: readonly string[]
  matches(name: string): boolean
}

export function compilePatterns(texts: readonly string[]): Patterns {
  const exact = new Set(texts.filter((text) => !text.includes('*')))
  const wild = texts.filter((text) => text.includes('*')).map(expressionOf)
  return {
    texts,
    matches: (name) => exact.has(name) || wild.some((expression) => expression.test(name)),
  }
}

// One lazy run per star and anchors on both ends: no nesting, so the time stays polynomial in names of at most a few hundred
// characters.
function expressionOf(pattern: string): RegExp {
  const parts = pattern.split(/\*+/).map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*?')}$`, 's')
}
