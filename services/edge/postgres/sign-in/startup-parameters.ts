import { schemasIn } from '../facts/names.ts'

/** What a client may ask for at startup, and what of it goes on to the target. */
export type StartupOutcome =
  | {
      readonly ok: true
      readonly user: string
      /** Null when the client names none, or its own name, which is what libpq fills in. */
      readonly database: string | null
      readonly application: string | null
      readonly searchPath: string | null
      /** Settings for the target, without user, database and application_name. */
      readonly settings: ReadonlyMap<string, string>
      /** Protocol options (`_pq_.…`) that the edge does not know. */
      readonly unknownOptions: readonly string[]
    }
  | { readonly ok: false; readonly sqlState: string; readonly message: string }

/** Settings that change neither what statements mean nor what they may do. By lower-case name. */
const allowedSettings: ReadonlyMap<string, string> = new Map([
  ['datestyle', 'DateStyle'],
  ['timezone', 'TimeZone'],
  ['intervalstyle', 'IntervalStyle'],
  ['extra_float_digits', 'extra_float_digits'],
  ['search_path', 'search_path'],
  ['statement_timeout', 'statement_timeout'],
  ['lock_timeout', 'lock_timeout'],
  ['idle_in_transaction_session_timeout', 'idle_in_transaction_session_timeout'],
  ['default_transaction_read_only', 'default_transaction_read_only'],
  ['default_transaction_isolation', 'default_transaction_isolation'],
])

export function readStartupParameters(parameters: ReadonlyMap<string, string>): StartupOutcome {
  const settings = new Map<string, string>()
  const unknownOptions: string[] = []
  let application: string | null = null
  const asked = new Map(parameters)
  const options = parseOptions(asked.get('options') ?? '')
  if (options === null) return refuse('08P01', 'startup parameter "options" cannot be read')
  asked.delete('options')
  for (const [name, value] of options) asked.set(name, value)
  const user = asked.get('user') ?? ''
  if (user === '') return refuse('28000', 'no user name in the startup packet')
  for (const [name, value] of asked) {
    const key = name.toLowerCase()
    const allowed = allowedSettings.get(key)
    if (key === 'user' || key === 'database') continue
    else if (name.startsWith('_pq_.')) unknownOptions.push(name)
    else if (key === 'application_name') application = value
    else if (key === 'client_encoding') {
      if (!isUtf8Name(value)) return refuse('22023', 'client_encoding must be UTF8 here')
    } else if (key === 'replication') {
      if (!isFalse(value)) return refuse('0A000', 'replication connections are not relayed')
    } else if (key === 'search_path' && hidesCatalog(value)) {
      return refuse('42501', 'search_path must not put other schemas before pg_catalog')
    } else if (allowed !== undefined) settings.set(allowed, value)
    else return refuse('42501', `startup parameter "${printable(name)}" is not allowed here`)
  }
  const database = asked.get('database') ?? null
  return {
    ok: true,
    user,
    database: database === null || database === '' || database === user ? null : database,
    application,
    searchPath: settings.get('search_path') ?? null,
    settings,
    unknownOptions,
  }
}

/**
 * `-c name=value` and `--name=value`, separated by blanks, a backslash taking the next character as it is: the way the
 * postmaster reads it. Anything else is refused.
 */
function parseOptions(options: string): Map<string, string> | null {
  const words: string[] = []
  let word: string | null = null
  for (let at = 0; at < options.length; at++) {
    const character = options[at] ?? ''
    if (/\s/.test(character)) {
      if (word !== null) words.push(word)
      word = null
    } else if (character === '\\' && at + 1 < options.length) {
      at++
      word = (word ?? '') + (options[at] ?? '')
    } else {
      word = (word ?? '') + character
    }
  }
  if (word !== null) words.push(word)
  const settings = new Map<string, string>()
  for (let at = 0; at < words.length; at++) {
    const current = words[at] ?? ''
    let setting: string
    if (current === '-c') setting = words[++at] ?? ''
    else if (current.startsWith('-c')) setting = current.slice(2)
    else if (current.startsWith('--')) setting = current.slice(2)
    else return null
    const equals = setting.indexOf('=')
    if (equals <= 0) return null
    settings.set(setting.slice(0, equals).replaceAll('-', '_'), setting.slice(equals + 1))
  }
  return settings
}

// psql on a terminal sends the locale's encoding, SQL_ASCII in the C locale, where only ASCII can be typed.
function isUtf8Name(value: string): boolean {
  const name = value
    .replace(/^'(.*)'$/, '$1')
    .replace(/[^A-Za-z0-9]/g, '')
    .toLowerCase()
  return ['utf8', 'unicode', 'sqlascii', 'auto', ''].includes(name)
}

/**
 * The server looks in pg_catalog first unless the path names it later: then functions and operators of other schemas stand in for
 * those that need no rule.
 */
function hidesCatalog(searchPath: string): boolean {
  return schemasIn(searchPath).lastIndexOf('pg_catalog') > 0
}

function isFalse(value: string): boolean {
  return ['false', 'off', 'no', '0', 'f', 'n'].includes(value.toLowerCase())
}

function printable(name: string): string {
  return name.replace(/[^A-Za-z0-9_.]/g, '?').slice(0, 63)
}

function refuse(sqlState: string, message: string): StartupOutcome {
  return { ok: false, sqlState, message }
}
