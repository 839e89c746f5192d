/** The texts and numbers in a sample of JSON, by the path that leads to them, as a classification writes it. */
export function jsonLeaves(
  values: readonly (string | null)[],
): ReadonlyMap<string, { readonly name: string; readonly values: readonly string[] }> {
  const leaves = new Map<string, { name: string; values: string[] }>()
  for (const value of values) {
    const parsed = value === null ? undefined : parse(value)
    if (parsed !== undefined) visit(parsed, '$', '', leaves, 0)
  }
  return leaves
}

/** Whether texts are JSON, so that paths can be said of them. */
export function areJson(values: readonly (string | null)[]): boolean {
  const texts = values.filter((value) => value !== null && value.trim() !== '')
  const json = texts.filter(
    (value) => /^\s*[[{]/.test(value ?? '') && parse(value ?? '') !== undefined,
  )
  return texts.length > 0 && json.length >= texts.length * 0.9
}

const mostDepth = 20
const mostPaths = 500

function visit(
  value: unknown,
  path: string,
  name: string,
  leaves: Map<string, { name: string; values: string[] }>,
  depth: number,
): void {
  if (value === null || depth > mostDepth) return
  if (Array.isArray(value)) {
    for (const each of value as unknown[]) visit(each, `${path}[*]`, name, leaves, depth + 1)
    return
  }
  if (typeof value === 'object') {
    for (const [key, each] of Object.entries(value)) {
      visit(each, `${path}.${step(key)}`, key, leaves, depth + 1)
    }
    return
  }
  if (typeof value !== 'string' && typeof value !== 'number') return
  // A value that is no object has no path.
  if (path === '$' || (leaves.size >= mostPaths && !leaves.has(path))) return
  const leaf = leaves.get(path) ?? { name, values: [] }
  leaves.set(path, leaf)
  leaf.values.push(String(value))
}

function step(key: string): string {
  return /^[\p{L}_][\p{L}\p{N}_-]*$/u.test(key) ? key : JSON.stringify(key)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
