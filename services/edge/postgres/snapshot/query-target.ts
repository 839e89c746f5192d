import { PacketReader } from '../packet-reader.ts'
import { decodeBackend } from '../protocol/backend.ts'
import { backend } from '../protocol/message-types.ts'
import { encodeFrontend } from '../protocol/frontend.ts'
import { openTarget } from '../target-connection.ts'
import type { TargetAddress, TargetLogin } from '../target-connection.ts'
import { TargetError } from '../target-error.ts'

type Row = readonly (string | null)[]

/** The most of one row. A definition of a view can be long. */
const maxRowBytes = 16 * 1024 * 1024

/** Asks the target over a connection of its own, one statement after the other. Throws `TargetError`, also when a statement fails. */
export async function queryTarget(
  target: TargetAddress,
  login: TargetLogin,
  statements: readonly string[],
  signal: AbortSignal,
): Promise<readonly (readonly Row[])[]> {
  const connection = await openTarget(target, login, signal)
  const { socket } = connection
  const stop = (): void => {
    socket.destroy()
  }
  signal.addEventListener('abort', stop, { once: true })
  try {
    if (connection.rest.length > 0) socket.unshift(connection.rest)
    const reader = new PacketReader(socket, maxRowBytes)
    socket.resume()
    const results: Row[][] = []
    for (const text of statements) {
      socket.write(encodeFrontend({ type: 'query', text: Buffer.from(text) }))
      results.push(await readResult(reader))
    }
    return results
  } finally {
    signal.removeEventListener('abort', stop)
    socket.end(encodeFrontend({ type: 'terminate' }))
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
