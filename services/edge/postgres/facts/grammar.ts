import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import create from 'libpg-query/wasm/libpg-query.js'
import type { PgQueryModule } from 'libpg-query/wasm/libpg-query.js'

/** PostgreSQL's own grammar. */
export interface Grammar {
  /** Never throws. The text has no NUL. */
  parse(sql: string): ParseOutcome
}

type ParseOutcome =
  | { readonly ok: true; readonly statements: readonly unknown[] }
  | {
      readonly ok: false
      readonly kind: 'syntax_error'
      readonly message: string
      /** In characters, from 1, as PostgreSQL counts; null where the grammar names no place. */
      readonly position: number | null
    }
  | { readonly ok: false; readonly kind: 'refused'; readonly message: string }

/** Compiles the grammar. Once per process: an instance takes some megabytes. */
export async function loadGrammar(): Promise<Grammar> {
  const path = fileURLToPath(import.meta.resolve('libpg-query/wasm/libpg-query.wasm'))
  const compiled = await WebAssembly.compile(await readFile(path))
  const createInstance = (): Promise<PgQueryModule> => instantiate(compiled)
  return new RenewedGrammar(createInstance, await createInstance(), await createInstance())
}

function instantiate(compiled: WebAssembly.Module): Promise<PgQueryModule> {
  return create({
    instantiateWasm: (imports, done) => {
      done(new WebAssembly.Instance(compiled, imports))
    },
    // What it would print may quote statements.
    print: () => undefined,
    printErr: () => undefined,
  })
}

/**
 * A text that is nested deeply overflows the engine's stack inside the module and leaves the module's own stack pointer where
 * it was: some forty of those, and every later parse fails or, worse, reads memory it should not (seen with libpg-query
 * 18.1.5). So an instance that faulted is never used again. The next one stands ready; only when faults come faster than
 * instances can be made are statements refused, until one is there.
 */
class RenewedGrammar implements Grammar {
  readonly #create: () => Promise<PgQueryModule>
  #live: PgQueryModule | null
  #spare: PgQueryModule | null

  constructor(create: () => Promise<PgQueryModule>, live: PgQueryModule, spare: PgQueryModule) {
    this.#create = create
    this.#live = live
    this.#spare = spare
  }

  parse(sql: string): ParseOutcome {
    // The module refuses the empty text; the server takes it as no statement.
    if (sql === '') return { ok: true, statements: [] }
    if (this.#live === null) {
      return { ok: false, kind: 'refused', message: 'the grammar is being loaded; try again' }
    }
    try {
      return parseWith(this.#live, sql)
    } catch {
      this.#replace()
      return { ok: false, kind: 'refused', message: 'the statement is nested too deeply' }
    }
  }

  #replace(): void {
    this.#live = this.#spare
    this.#spare = null
    this.#create().then(
      (instance) => {
        if (this.#live === null) this.#live = instance
        else this.#spare = instance
      },
      // Out of memory: the next fault tries again, and without an instance statements stay refused.
      () => undefined,
    )
  }
}

// PgQueryParseResult: pointers to the tree, the standard error output and the error.
// PgQueryError: pointers to message, function and file, the line in the file, the cursor position.
function parseWith(module: PgQueryModule, sql: string): ParseOutcome {
  const sizeBytes = module.lengthBytesUTF8(sql) + 1
  const text = module._malloc(sizeBytes)
  if (text === 0) throw new RangeError('out of memory')
  module.stringToUTF8(sql, text, sizeBytes)
  const result = module._wasm_parse_query_raw(text)
  module._free(text)
  if (result === 0) throw new RangeError('out of memory')
  const tree = module.getValue(result, 'i32')
  const error = module.getValue(result + 8, 'i32')
  const outcome = error === 0 ? statementsOf(module.UTF8ToString(tree)) : errorOf(module, error)
  module._wasm_free_parse_result(result)
  return outcome
}

function statementsOf(json: string): ParseOutcome {
  const tree = JSON.parse(json) as { stmts?: readonly { stmt?: unknown }[] }
  return { ok: true, statements: (tree.stmts ?? []).map((raw) => raw.stmt) }
}

function errorOf(module: PgQueryModule, error: number): ParseOutcome {
  const message = module.UTF8ToString(module.getValue(error, 'i32'))
  const position = module.getValue(error + 16, 'i32')
  if (/^(memory exhausted|out of memory|stack depth limit)/.test(message)) {
    return { ok: false, kind: 'refused', message: 'the statement is nested too deeply' }
  }
  return { ok: false, kind: 'syntax_error', message, position: position > 0 ? position : null }
}
