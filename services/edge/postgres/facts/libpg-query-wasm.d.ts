// The part of the package's Emscripten module that grammar.ts uses; the package declares types only for its wrapper.
declare module 'libpg-query/wasm/libpg-query.js' {
  export interface PgQueryModule {
    _malloc(sizeBytes: number): number
    _free(pointer: number): void
    _wasm_parse_query_raw(sql: number): number
    _wasm_free_parse_result(result: number): void
    getValue(pointer: number, type: 'i32'): number
    lengthBytesUTF8(text: string): number
    stringToUTF8(text: string, pointer: number, maxBytes: number): void
    UTF8ToString(pointer: number): string
  }
  export interface PgQueryOptions {
    instantiateWasm(
      imports: WebAssembly.Imports,
      done: (instance: WebAssembly.Instance) => void,
    ): void
    print(line: string): void
    printErr(line: string): void
  }
  const create: (options: PgQueryOptions) => Promise<PgQueryModule>
  export default create
}

// Node's WebAssembly, as far as it is used: its types come with those of browsers, which this program does not load.
declare namespace WebAssembly {
  type Imports = Readonly<Record<string, Readonly<Record<string, unknown>>>>
  interface Module {
    readonly [Symbol.toStringTag]: 'WebAssembly.Module'
  }
  interface Instance {
    readonly exports: Readonly<Record<string, unknown>>
  }
  const Instance: new (module: Module, imports: Imports) => Instance
  function compile(bytes: Uint8Array): Promise<Module>
}
