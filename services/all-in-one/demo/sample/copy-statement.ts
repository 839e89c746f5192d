import type { Client, Connection, Submittable } from 'pg'

/** What node-postgres' connection can do with COPY but does not declare. */
interface CopyConnection extends Connection {
  sendCopyFromChunk(chunk: Buffer): void
  endCopyFrom(): void
}

/** Runs one COPY … TO STDOUT or COPY … FROM STDIN (PostgreSQL protocol, "COPY Operations") with the rows in memory. */
export async function copy(
  client: Client,
  text: string,
  input: Buffer | null,
): Promise<{ readonly rows: number; readonly output: Buffer }> {
  const statement = new CopyStatement(text, input)
  client.query(statement)
  return statement.done
}

/** Answers the calls that node-postgres makes on the query at work; all arrive on its socket's turn, in protocol order. */
class CopyStatement implements Submittable {
  readonly done: Promise<{ rows: number; output: Buffer }>
  readonly #text: string
  readonly #input: Buffer | null
  readonly #chunks: Buffer[] = []
  readonly #outcome = Promise.withResolvers<{ rows: number; output: Buffer }>()
  #rows = 0

  constructor(text: string, input: Buffer | null) {
    this.#text = text
    this.#input = input
    this.done = this.#outcome.promise
  }

  submit(connection: Connection): void {
    connection.query(this.#text)
  }

  handleCopyInResponse(connection: CopyConnection): void {
    if (this.#input !== null) connection.sendCopyFromChunk(this.#input)
    connection.endCopyFrom()
  }

  handleCopyData(message: { readonly chunk: Buffer }): void {
    // The chunk is a view of the socket's buffer.
    this.#chunks.push(Buffer.from(message.chunk))
  }

  handleCommandComplete(message: { readonly text: string }): void {
    this.#rows = Number(message.text.split(' ').at(-1))
  }

  handleReadyForQuery(): void {
    this.#outcome.resolve({ rows: this.#rows, output: Buffer.concat(this.#chunks) })
  }

  handleError(error: Error): void {
    this.#outcome.reject(error)
  }
}
