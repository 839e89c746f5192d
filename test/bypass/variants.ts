import type { Variation } from './case-file.ts'

/** A text that says the same as another in other letters, or holds it inside something else. */
export interface Variant {
  readonly kind: Variation
  readonly texts: readonly string[]
}

/** Names of the server's grammar: words that are none are names, and may be quoted. Random numbers in [0, 1). */
export interface VariantOptions {
  readonly keywords: ReadonlySet<string>
  readonly random: () => number
}

type Token = { readonly kind: 'word' | 'string' | 'blank' | 'other'; readonly text: string }

/** The texts of an attempt, varied each in the same way; one variant for each kind, several for `nested`. */
export function variantsOf(
  texts: readonly string[],
  kinds: readonly Variation[],
  options: VariantOptions,
): readonly Variant[] {
  const variants: Variant[] = []
  for (const kind of kinds) {
    if (kind === 'nested') {
      const [only, ...more] = texts
      if (only === undefined || more.length > 0) continue
      variants.push(...nestings(only).map((nested) => ({ kind, texts: nested })))
      continue
    }
    const varied = texts.map((text) => rewrite(text, kind, options))
    if (varied.some((text, index) => text !== texts[index])) variants.push({ kind, texts: varied })
  }
  return variants
}

function rewrite(
  text: string,
  kind: Exclude<Variation, 'nested'>,
  { keywords, random }: VariantOptions,
): string {
  const tokens = tokensOf(text)
  return tokens
    .map(({ kind: token, text: part }, index) => {
      if (token === 'blank') {
        if (kind !== 'comments' && kind !== 'blanks') return part
        // A comment to the end of the line ends there.
        return part.includes('\n') ? `\n${blank(kind, random)}` : blank(kind, random)
      }
      if (token === 'string') return kind === 'strings' ? otherString(part, random) : part
      if (token !== 'word') return part
      if (kind === 'case') return randomCase(part, random)
      // A word before a string belongs to it (E'…', date '…'), and what is no name cannot be quoted.
      const isName = /^[a-z_][a-z0-9_]*$/i.test(part) && !keywords.has(part.toLowerCase())
      if (!isName || tokens[index + 1]?.kind === 'string') return part
      if (kind === 'quoted') return `"${part.toLowerCase()}"`
      if (kind === 'unicode') return `U&"${unicode(part.toLowerCase())}"`
      return part
    })
    .join('')
}

// Comments are `other`: nothing in them is changed.
const tokenPattern =
  /(?<blank>[ \t\n\r\f]+)|(?<comment>--[^\n]*|\/\*[\s\S]*?\*\/)|(?<dollar>\$(?<tag>[a-z_]*)\$[\s\S]*?\$\k<tag>\$)|(?<prefixed>(?:[ebxn]|u&)'(?:[^'\\]|''|\\[\s\S])*')|(?<ident>(?:u&)?"(?:[^"]|"")*")|(?<string>'(?:[^']|'')*')|(?<word>[a-z_\u0080-\uffff][a-z0-9_$\u0080-\uffff]*)|(?<number>[0-9]+[a-z0-9_.]*)|(?<other>[\s\S])/giy

function tokensOf(text: string): readonly Token[] {
  return Array.from(text.matchAll(tokenPattern), (match) => {
    const groups = match.groups ?? {}
    const kind =
      groups['blank'] !== undefined
        ? 'blank'
        : groups['string'] !== undefined
          ? 'string'
          : groups['word'] !== undefined
            ? 'word'
            : 'other'
    return { kind, text: match[0] }
  })
}

function blank(kind: 'comments' | 'blanks', random: () => number): string {
  const choices =
    kind === 'comments'
      ? ['/**/', '/* a /* nested -- */ one */', ' -- to the end\n', '/*;*/ ', "/*'*/", '/*$$*/ ']
      : ['\t', '\n', '\r\n', '\f ', '  \n\t ']
  return choices[Math.floor(random() * choices.length)] ?? ' '
}

function otherString(literal: string, random: () => number): string {
  const value = literal.slice(1, -1).replaceAll("''", "'")
  const escaped = Array.from(value, (character) => {
    const code = character.codePointAt(0) ?? 0
    return code < 128 && random() < 0.5
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : character.replace(/['\\]/, '\\$&')
  }).join('')
  const choices = [
    `E'${escaped}'`,
    ...(value.includes('$') ? [] : [`$q$${value}$q$`]),
    `U&'${unicode(value).replaceAll("'", "''")}'`,
  ]
  return choices[Math.floor(random() * choices.length)] ?? literal
}

function randomCase(word: string, random: () => number): string {
  // Letters outside ASCII fold as the server's locale says.
  return word.replace(/[a-z]/gi, (letter) =>
    random() < 0.5 ? letter.toUpperCase() : letter.toLowerCase(),
  )
}

function unicode(value: string): string {
  return Array.from(value, (character, index) => {
    const code = character.codePointAt(0) ?? 0
    if (index === 0 || character === '\\') return `\\${code.toString(16).padStart(4, '0')}`
    return character
  }).join('')
}

/** The statement inside others. What becomes of these is not said one by one: nothing leaks and nothing runs. */
function nestings(text: string): readonly (readonly string[])[] {
  const literal = `'${text.replaceAll("'", "''")}'`
  return [
    [`WITH x AS (${text}) SELECT * FROM x`],
    [`WITH x AS MATERIALIZED (${text}) SELECT count(*) FROM x`],
    [`SELECT * FROM (${text}) AS q`],
    [`SELECT (${text})`],
    [`SELECT EXISTS (${text})`],
    [`EXPLAIN ANALYZE ${text}`],
    [`EXPLAIN (ANALYZE, VERBOSE, FORMAT json) ${text}`],
    [`PREPARE nested AS ${text}`, 'EXECUTE nested', 'EXPLAIN ANALYZE EXECUTE nested'],
    [`PREPARE nested AS ${text}; EXECUTE nested`],
    ['BEGIN', `DECLARE nested CURSOR FOR ${text}`, 'FETCH ALL FROM nested'],
    [`COPY (${text}) TO STDOUT`],
    [`DO $nested$ BEGIN ${text}; END $nested$`],
    [`DO $nested$ BEGIN EXECUTE ${literal}; END $nested$`],
    [`SELECT query_to_xml(${literal}, true, false, '')`],
    [`SELECT 1; ${text}`],
    [`${text}; SELECT 1`],
    ['BEGIN', text, 'COMMIT'],
    ['BEGIN', 'SAVEPOINT s', text, 'ROLLBACK TO s', text, 'COMMIT'],
    [`CREATE TEMP TABLE nested AS ${text}`],
    [`CREATE FUNCTION pg_temp.nested() RETURNS void LANGUAGE sql AS ${literal}`],
    [`CREATE TEMP VIEW nested AS ${text}`],
    [`INSERT INTO shop.log SELECT x::text FROM (${text}) AS x`],
  ]
}
