import type { IndexNames } from './index-names.ts'

/**
 * Raised when the mapping changes, or what is written into its fields. An index filled under a lower number is filled anew, it is
 * derived; a higher one belongs to a newer program and is left alone.
 */
export const schemaVersion = 8

/** Lucene takes no longer term; `exactTerm` shortens what is longer. */
const keyword = { type: 'keyword' }
const long = { type: 'long' }
const unsearched = { type: 'object', enabled: false }

/** What an entry, a statement and a session have in common: what is asked of them and how they are ordered. */
const askedFields = {
  '@timestamp': { type: 'date' },
  occurred_us: long,
  seq: long,
  tie: long,
  log: keyword,
  position: long,
  role: keyword,
  shown: { type: 'boolean' },
  type: keyword,
  event_id: keyword,
  producer: keyword,
  session_id: keyword,
  session_key: keyword,
  statement_key: keyword,
  request_id: keyword,
  actor: { properties: { label: keyword, kind: keyword, identity: keyword } },
  target: { properties: { name: keyword, kind: keyword } },
  source_address: keyword,
  protocol: keyword,
  operation: keyword,
  decision: keyword,
  rule_ids: keyword,
  outcome: keyword,
  error_code: keyword,
  rows: long,
  bytes_out: long,
  duration_us: long,
  asked: {
    properties: {
      actor: keyword,
      target: keyword,
      decision: keyword,
      kind: keyword,
      relation: keyword,
      approver: keyword,
      session: keyword,
    },
  },
  // Kept for reading; the words of these two are found in `words`.
  statement: { type: 'text', index: false, norms: false, copy_to: 'words' },
  names: { type: 'text', index: false, norms: false, copy_to: 'words' },
  words: { type: 'text', analyzer: 'words', norms: false },
  document: unsearched,
  context: unsearched,
}

const entryFields = {
  leaf_hash: { type: 'keyword', doc_values: false },
  chunk: long,
  indexed_at: { type: 'date' },
  delay_ms: long,
}

const statementFields = { hour_ms: long, transacts: { type: 'boolean' }, parts: unsearched }

const sessionFields = { ended_at: { type: 'date' }, end: unsearched }

/** As SQLite's unicode61 does it: letters and digits make words, everything else parts them; case and accents do not count. */
const analysis = {
  tokenizer: {
    words: {
      type: 'char_group',
      tokenize_on_chars: ['whitespace', 'punctuation', 'symbol', '\\u0000', '\\u00ad', '\\ufffd'],
    },
  },
  analyzer: {
    words: { type: 'custom', tokenizer: 'words', filter: ['lowercase', 'asciifolding'] },
  },
}

export interface Template {
  readonly name: string
  readonly body: Readonly<Record<string, unknown>>
}

const _meta = { schema: schemaVersion, made_by: 'affidavit' }

/** Put in place before the templates that are composed of them. All take effect on indices made after them. */
export function componentTemplates(names: IndexNames): readonly Template[] {
  return [
    {
      name: `${names.prefix}-mappings`,
      body: {
        _meta,
        template: {
          settings: { index: { analysis } },
          mappings: { dynamic: 'strict', _meta, properties: askedFields },
        },
      },
    },
    {
      name: `${names.prefix}-settings`,
      body: {
        _meta,
        template: {
          settings: {
            index: {
              codec: 'best_compression',
              refresh_interval: '2s',
              // An answer to a write means that it is on the disk of every copy that is up.
              'translog.durability': 'request',
              auto_expand_replicas: '0-1',
              'mapping.total_fields.limit': 200,
              'query.default_field': ['words'],
            },
          },
        },
      },
    },
  ]
}

export function indexTemplates(names: IndexNames): readonly Template[] {
  const shared = [`${names.prefix}-settings`, `${names.prefix}-mappings`]
  const newestFirst = { 'sort.field': 'occurred_us', 'sort.order': 'desc' }
  return [
    template(`${names.prefix}-entries`, shared, entryFields, {
      ...newestFirst,
      number_of_shards: 1,
    }),
    // One index takes the statements of all time, since the parts of one may come in different periods: it is spread over shards.
    template(names.statements, shared, statementFields, { ...newestFirst, number_of_shards: 2 }),
    template(names.sessions, shared, sessionFields, { number_of_shards: 1 }),
    {
      name: names.deadLetters,
      body: {
        index_patterns: [names.deadLetters],
        priority: 500,
        _meta,
        template: {
          settings: { index: { number_of_shards: 1, auto_expand_replicas: '0-1' } },
          mappings: { _meta, ...deadLetterMapping },
        },
      },
    },
    {
      name: names.state,
      body: {
        index_patterns: [names.state],
        priority: 500,
        _meta,
        template: {
          settings: { index: { number_of_shards: 1, auto_expand_replicas: '0-1' } },
          mappings: { _meta, enabled: false },
        },
      },
    },
  ]
}

/** Cannot refuse: every field is one that we write in one form, too long a name is only not found. */
const deadLetterMapping = {
  dynamic: false,
  properties: {
    at: { type: 'date' },
    log: { type: 'keyword', ignore_above: 512 },
    position: long,
    index: { type: 'keyword', ignore_above: 512 },
    status: { type: 'integer' },
    error_type: { type: 'keyword', ignore_above: 512 },
    error: unsearched,
    entry: unsearched,
    document: unsearched,
  },
}

function template(
  name: string,
  composed_of: readonly string[],
  properties: Readonly<Record<string, unknown>>,
  index: Readonly<Record<string, unknown>>,
): Template {
  return {
    name,
    body: {
      index_patterns: [`${name}-*`],
      priority: 500,
      composed_of,
      _meta,
      template: { settings: { index }, mappings: { properties } },
    },
  }
}

/** The fields of what stands behind the three aliases and of dead letters, by their full names: dashboards are checked against them. */
export function fieldsOf(
  mapping: 'entries' | 'statements' | 'sessions' | 'dead-letters',
): ReadonlySet<string> {
  const own = {
    entries: { ...askedFields, ...entryFields },
    statements: { ...askedFields, ...statementFields },
    sessions: { ...askedFields, ...sessionFields },
    'dead-letters': deadLetterMapping.properties,
  }[mapping]
  return new Set(flatten(own, ''))
}

function* flatten(properties: object, prefix: string): Generator<string> {
  for (const [name, field] of Object.entries(properties) as [string, { properties?: object }][]) {
    if (field.properties === undefined) yield `${prefix}${name}`
    else yield* flatten(field.properties, `${prefix}${name}.`)
  }
}
