/** A real OpenSearch for one test file, plain HTTP, one node. Disposing ends what was started for it. */
export interface OpenSearchEngine extends AsyncDisposable {
  readonly url: string
  /** SIGKILL; resolves when it has ended. */
  kill(): Promise<void>
  /** After `kill`: same port, same data. Resolves when every primary shard is there. */
  start(): Promise<void>
  /** SIGSTOP: it answers nothing, and connections to it stay open. */
  freeze(): void
  thaw(): void
}
