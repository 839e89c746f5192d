import type { Socket } from 'node:net'

import { ProtocolError } from './protocol/error.ts'
import { headerBytes } from './protocol/message-types.ts'
import { startupLength } from './protocol/startup.ts'

export interface Packet {
  readonly type: number
  /** With the header. */
  readonly bytes: Buffer
}

/**
 * Reads what comes before the relay starts, one packet at a time: handshakes are questions and answers. Holds what came early
 * and gives it up on `detach`. A closed connection reads as null.
 */
export class PacketReader {
  readonly #socket: Socket
  readonly #maxBytes: number
  #buffered: Buffer = Buffer.alloc(0)
  #isClosed = false
  #wake: (() => void) | null = null

  constructor(socket: Socket, maxBytes: number) {
    this.#socket = socket
    this.#maxBytes = maxBytes
    socket.on('data', this.#onData)
    socket.on('end', this.#onClosed)
    socket.on('close', this.#onClosed)
    socket.on('error', this.#onClosed)
  }

  get buffered(): Buffer {
    return this.#buffered
  }

  /** The first byte, which stays unread. */
  async peek(): Promise<number | null> {
    while (this.#buffered.length === 0) if (!(await this.#more())) return null
    return this.#buffered[0] ?? null
  }

  async byte(): Promise<number | null> {
    if ((await this.peek()) === null) return null
    return this.#take(1)[0] ?? null
  }

  async startupPacket(): Promise<Buffer | null> {
    for (;;) {
      const length = startupLength(this.#buffered)
      if (length !== null && this.#buffered.length >= length) return this.#take(length)
      if (!(await this.#more())) return null
    }
  }

  async message(): Promise<Packet | null> {
    for (;;) {
      if (this.#buffered.length >= headerBytes) {
        const length = this.#buffered.readUInt32BE(1)
        if (length < 4) throw new ProtocolError('LENGTH_INVALID', 'invalid message length')
        if (length >= this.#maxBytes) {
          throw new ProtocolError('LENGTH_OVER_LIMIT', 'message length over the limit')
        }
        if (this.#buffered.length > length) {
          const bytes = this.#take(length + 1)
          return { type: bytes[0] ?? 0, bytes }
        }
      }
      if (!(await this.#more())) return null
    }
  }

  /** Stops reading and returns what was not read. The socket is paused. */
  detach(): Buffer {
    this.#socket.off('data', this.#onData)
    this.#socket.off('end', this.#onClosed)
    this.#socket.off('close', this.#onClosed)
    this.#socket.off('error', this.#onClosed)
    this.#socket.pause()
    const rest = this.#buffered
    this.#buffered = Buffer.alloc(0)
    this.#onClosed()
    return rest
  }

  #take(length: number): Buffer {
    const taken = this.#buffered.subarray(0, length)
    this.#buffered = this.#buffered.subarray(length)
    return taken
  }

  async #more(): Promise<boolean> {
    if (this.#isClosed) return false
    const before = this.#buffered.length
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    return this.#buffered.length > before
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#buffered = this.#buffered.length === 0 ? chunk : Buffer.concat([this.#buffered, chunk])
    // More than one packet at a time is not what a handshake looks like: let the peer wait.
    if (this.#buffered.length > this.#maxBytes) this.#socket.pause()
    this.#wakeUp()
  }

  readonly #onClosed = (): void => {
    this.#isClosed = true
    this.#wakeUp()
  }

  #wakeUp(): void {
    const wake = this.#wake
    this.#wake = null
    wake?.()
  }
}
