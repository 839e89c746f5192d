import canonicalize from 'canonicalize'

const primitives = new Set(['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'])

/**
 * One text for all spellings of an Avro schema: full names, primitives as strings, members in order. Unlike the parsing canonical
 * form it keeps what readers depend on besides the bytes: defaults, aliases, logical types and documentation.
 */
export function schemaNormalForm(schema: unknown): string {
  return canonicalize(normal(schema, '')) ?? ''
}

function normal(schema: unknown, namespace: string): unknown {
  if (typeof schema === 'string')
    return primitives.has(schema) ? schema : fullName(schema, namespace)
  if (Array.isArray(schema)) return schema.map((branch) => normal(branch, namespace))
  if (typeof schema !== 'object' || schema === null) return schema
  const { namespace: given, ...node } = schema as Node
  if (typeof node.type !== 'string') return normal(node.type, namespace)
  if (primitives.has(node.type) && Object.keys(node).length === 1) return node.type
  const named = typeof node.name === 'string' ? nameOf(node.name, given ?? namespace) : null
  const inner = named?.namespace ?? namespace
  return {
    ...node,
    ...(named === null ? {} : { name: named.full }),
    ...(node.items === undefined ? {} : { items: normal(node.items, inner) }),
    ...(node.values === undefined ? {} : { values: normal(node.values, inner) }),
    ...(node.fields === undefined
      ? {}
      : { fields: node.fields.map((field) => ({ ...field, type: normal(field.type, inner) })) }),
  }
}

interface Node {
  readonly type: unknown
  readonly name?: string
  readonly namespace?: string
  readonly items?: unknown
  readonly values?: unknown
  readonly fields?: readonly { readonly type: unknown }[]
}

function nameOf(name: string, namespace: string): { full: string; namespace: string } {
  const full = fullName(name, namespace)
  return { full, namespace: full.slice(0, Math.max(0, full.lastIndexOf('.'))) }
}

function fullName(name: string, namespace: string): string {
  return name.includes('.') || namespace === '' ? name : `${namespace}.${name}`
}
