import { PacketReader } from '../packet-reader.ts'
import { decodeBackend } from '../protocol/backend.ts'
import { backend } from '../protocol/message-types.ts'
import { encodeFrontend } from '../protocol/frontend.ts'
import { openTarget } from '../target/target-connection.ts'
import type { TargetAddress, TargetConnection, TargetLogin } from '../target/target-connection.ts'
import { TargetError } from '../target/target-error.ts'

export type Row = readonly (string | null)[]

/** The most of one row. A definition of a view can be long. */
const maxRowBytes = 16 * 1024 * 1024

/** Asks the target over a connection of its own, one statement after the other. Throws `TargetError`, also when a statement fails. */
export async function queryTarget(
  target: TargetAddress,
  login: TargetLogin,
  statements: readonly string[],
  signal: AbortSignal,
): Promise<readonly (readonly Row[])[]> {
  const questions = await TargetQuestions.open(target, login, signal)
  try {
    const results: (readonly Row[])[] = []
    for (const text of statements) results.push(await questions.ask(text, signal))
    return results
  } finally {
    questions.close()
  }
}

/** A connection on which one statement is asked after the other. Whoever opened it closes it, also when a question failed. */
export class TargetQuestions {
  readonly #socket: TargetConnection['socket']
  readonly #reader: PacketReader

  private constructor({ socket, rest }: TargetConnection) {
    this.#socket = socket
    if (rest.length > 0) socket.unshift(rest)
    this.#reader = new PacketReader(socket, maxRowBytes)
    socket.resume()
  }

  /** Throws `TargetError`. */
  static async open(
    target: TargetAddress,
    login: TargetLogin,
    signal: AbortSignal,
  ): Promise<TargetQuestions> {
    return new TargetQuestions(await openTarget(target, login, signal))
  }

  /** Throws `TargetError`, also when the statement fails. When the signal aborts the connection is gone. */
  async ask(text: string, signal: AbortSignal): Promise<readonly Row[]> {
    const stop = (): void => {
      this.#socket.destroy()
    }
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    try {
      this.#socket.write(encodeFrontend({ type: 'query', text: Buffer.from(text) }))
      return await readResult(this.#reader)
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  close(): void {
    this.#socket.end(encodeFrontend({ type: 'terminate' }))
  }
}

async function readResult(reader: PacketReader): Promise<Row[]> {
  const rows: Row[] = []
  let failure: TargetError | null = null
  for (;;) {
    const packet = await reader.message()
    if (packet === null) {
      throw failure ?? new TargetError('TARGET_PROTOCOL', 'the target closed the connection')
    }
    if (packet.type === backend.readyForQuery) {
      if (failure !== null) throw failure
      return rows
    }
    const message = decodeBackend(packet.type, packet.bytes, 0, packet.bytes.length)
    if (message?.type === 'data-row') {
      rows.push(message.values.map((value) => value?.toString('utf8') ?? null))
    } else if (message?.type === 'error') {
      failure = new TargetError(
        'TARGET_REFUSED',
        `the target did not answer: ${message.fields.get('C')} ${message.fields.get('M')}`,
      )
    }
  }
}
