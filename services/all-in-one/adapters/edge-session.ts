import { Client, DatabaseError } from 'pg'

import type { SessionPassword } from '../../api/schemas/credentials.ts'

export type Row = readonly (string | null)[]

/** What came of one statement. */
export type Asked =
  | { readonly ok: true; readonly rows: readonly Row[] }
  /** In the words of the edge or the target. */
  | { readonly ok: false; readonly sqlState: string; readonly message: string }

/** A session with a target through its edge, as whoever the password was issued to. */
export class EdgeSession implements AsyncDisposable {
  readonly #client: Client

  private constructor(client: Client) {
    this.#client = client
  }

  /** Read-only, and no statement runs longer than this. Throws when the edge does not let it in. */
  static async open(issued: SessionPassword, statementTimeoutMs: number): Promise<EdgeSession> {
    const client = new Client({
      host: issued.host,
      port: issued.port,
      database: issued.database,
      user: issued.user,
      password: issued.password,
      ssl: { ca: issued.ca_pem },
      application_name: 'affidavit policy suggest',
      statement_timeout: statementTimeoutMs,
      // Definitions of views then name every schema.
      options: '-c default_transaction_read_only=on -c search_path=pg_catalog',
      connectionTimeoutMillis: 15_000,
      // Every value as the text that the target sends.
      types: { getTypeParser: () => (value: unknown) => value },
    })
    // A session that is ended in between shows by the statement that fails.
    client.on('error', () => undefined)
    await client.connect()
    return new EdgeSession(client)
  }

  /** Throws when the session ends. */
  async ask(text: string): Promise<Asked> {
    try {
      const { rows } = await this.#client.query<(string | null)[]>({ text, rowMode: 'array' })
      return { ok: true, rows }
    } catch (error) {
      const isEnd = !(error instanceof DatabaseError) || error.severity === 'FATAL'
      if (isEnd) throw error
      return { ok: false, sqlState: error.code ?? '', message: error.message }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.end().catch(() => undefined)
  }
}
