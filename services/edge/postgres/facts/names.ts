/** A node's name list, [{ String: { sval } }, …], as texts; null when it is something else. */
export function namesOf(list: unknown): readonly string[] | null {
  if (!Array.isArray(list) || list.length === 0) return null
  const names: string[] = []
  for (const item of list as unknown[]) {
    const text = textOf((item as { String?: unknown } | null)?.String)
    if (text === null) return null
    names.push(text)
  }
  return names
}

/** A name as policies and events write it: joined by dots; a part is quoted only where it would read as something else. */
export function qualifiedName(parts: readonly string[]): string {
  return parts.length === 1 ? quoted(parts[0] ?? '') : parts.map(quoted).join('.')
}

/** The schemas of a search_path as the server reads it: folded to lower case unless quoted. */
export function schemasIn(searchPath: string): readonly string[] {
  const parts = searchPath.match(/"(?:[^"]|"")*"|[^,\s]+/g) ?? []
  return parts.map((part) =>
    part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part.toLowerCase(),
  )
}

/** The text of a literal, also under a cast; null when the value is computed. */
export function literalOf(node: unknown): string | null {
  const value = node as Readonly<Record<string, Readonly<Record<string, unknown>>>> | null
  const cast = value?.['TypeCast']
  if (cast !== undefined) return literalOf(cast['arg'])
  const constant = value?.['A_Const']
  if (constant === undefined) return textOf(value?.['String'])
  const text = textOf(constant['sval'])
  if (text !== null) return text
  const number = constant['ival'] as { ival?: number } | undefined
  if (number !== undefined) return String(number.ival ?? 0)
  const truth = constant['boolval'] as { boolval?: boolean } | undefined
  return truth === undefined ? null : String(truth.boolval ?? false)
}

function textOf(string: unknown): string | null {
  if (typeof string !== 'object' || string === null) return null
  // Protobuf's JSON leaves out a text that is empty.
  const text = (string as { sval?: unknown }).sval ?? ''
  return typeof text === 'string' ? text : null
}

function quoted(part: string): string {
  return /[.*"]|^$/.test(part) ? `"${part.replaceAll('"', '""')}"` : part
}
