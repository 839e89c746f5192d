import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ISocketFactoryArgs } from 'kafkajs'

const keepAliveMs = 60_000

/** The sockets of one client, so that it can be cut off: its own way of closing waits for answers that may never come. */
export class Sockets {
  readonly #open = new Set<Socket>()
  #isSevered = false

  get isSevered(): boolean {
    return this.#isSevered
  }

  connect({ host, port, ssl, onConnect }: ISocketFactoryArgs): Socket {
    if (this.#isSevered) throw new Error('the client is closed')
    const socket = isEncrypted(ssl)
      ? connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...ssl })
      : connect({ host, port })
    socket.once(isEncrypted(ssl) ? 'secureConnect' : 'connect', onConnect)
    socket.setKeepAlive(true, keepAliveMs)
    this.#open.add(socket)
    socket.once('close', () => this.#open.delete(socket))
    return socket
  }

  /** Ends every connection at once and allows no other. */
  sever(): void {
    this.#isSevered = true
    for (const socket of this.#open) {
      socket.destroy()
      // The client listens for the other side's end only. A connection that it has lost sight of would keep its timer, and with it
      // the process, for ever.
      socket.emit('end')
    }
  }
}

/** The types say that it is always there. */
function isEncrypted(ssl: ISocketFactoryArgs['ssl'] | null | undefined): boolean {
  return ssl !== undefined && ssl !== null
}
