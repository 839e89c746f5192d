/** One step of a path: into a member by its name, or into every element of an array. */
export type JsonStep = { readonly member: string } | 'elements'

/** The steps of a path such as `$.contact.email`, `$.phones[*]` or `$."a b"`; null for what is no such path. */
export function jsonPath(text: string): readonly JsonStep[] | null {
  if (!/^\$(?:\.(?:[\p{L}_][\p{L}\p{N}_-]*|"(?:[^"\\]|\\.)+")|\[\*\])+$/u.test(text)) return null
  const steps: JsonStep[] = []
  for (const [step] of text.matchAll(/\."(?:[^"\\]|\\.)+"|\.[^.["]+|\[\*\]/gu)) {
    if (step === '[*]') {
      steps.push('elements')
      continue
    }
    try {
      const name = step.slice(1)
      steps.push({ member: name.startsWith('"') ? (JSON.parse(name) as string) : name })
    } catch {
      return null
    }
  }
  return steps
}

/** Where a value stands in a text of JSON, and which of the paths it was that led there. */
export interface JsonSpan {
  readonly start: number
  readonly end: number
  readonly path: number
}

interface Walk {
  readonly steps: readonly JsonStep[]
  readonly path: number
}

/**
 * The values that paths lead to, in the order of the text. Null where the text is no JSON, or where it has another shape than a path
 * says (an array in place of an object, a text in place of either): then what is looked for may stand anywhere. A member that is
 * not there, and null, are no other shape. Nothing is encoded anew, so numbers keep their digits and members their order.
 */
export function findJsonValues(
  text: string,
  paths: readonly (readonly JsonStep[])[],
): readonly JsonSpan[] | null {
  try {
    JSON.parse(text)
  } catch {
    return null
  }
  const found: JsonSpan[] = []
  const walks = paths.map((steps, path) => ({ steps, path }))
  return visit(text, skipBlanks(text, 0), walks, found) === -1 ? null : found
}

/** Position behind the value; -1 for another shape. Goes no deeper than the longest path. */
function visit(text: string, at: number, walks: readonly Walk[], found: JsonSpan[]): number {
  if (walks.length === 0) return endOfValue(text, at)
  const arrived = walks.find(({ steps }) => steps.length === 0)
  if (arrived !== undefined) {
    const end = endOfValue(text, at)
    found.push({ start: at, end, path: arrived.path })
    return end
  }
  if (text[at] === 'n') return endOfValue(text, at)
  const isObject = text[at] === '{'
  if (!isObject && text[at] !== '[') return -1
  if (walks.some(({ steps }) => (steps[0] === 'elements') === isObject)) return -1
  let here = skipBlanks(text, at + 1)
  while (text[here] !== '}' && text[here] !== ']') {
    let inside = walks
    if (isObject) {
      const endOfKey = endOfString(text, here)
      const key = JSON.parse(text.slice(here, endOfKey)) as string
      inside = walks.filter(({ steps: [step] }) => typeof step === 'object' && step.member === key)
      here = skipBlanks(text, skipBlanks(text, endOfKey) + 1)
    }
    const next = inside.map(({ steps, path }) => ({ steps: steps.slice(1), path }))
    const end = visit(text, here, next, found)
    if (end === -1) return -1
    here = skipBlanks(text, end)
    if (text[here] === ',') here = skipBlanks(text, here + 1)
  }
  return here + 1
}

// The text is known to be JSON: only its borders are looked for.
function endOfValue(text: string, start: number): number {
  let depth = 0
  for (let at = start; at < text.length;) {
    const character = text[at]
    if (character === '"') {
      at = endOfString(text, at)
    } else if (character === '{' || character === '[') {
      depth += 1
      at += 1
      continue
    } else if (character === '}' || character === ']') {
      depth -= 1
      at += 1
    } else if (depth === 0) {
      while (at < text.length && !',]} \t\n\r'.includes(text[at] ?? '')) at += 1
    } else {
      at += 1
      continue
    }
    if (depth === 0) return at
  }
  return text.length
}

function endOfString(text: string, start: number): number {
  let at = start + 1
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at + 1
}

function skipBlanks(text: string, start: number): number {
  let at = start
  while (' \t\n\r'.includes(text[at] ?? '.')) at += 1
  return at
}
