import { Socket } from 'node:net'

/**
 * kafkajs 2.2.4 disconnects a connection again for each request that fails, and each time unrefs its socket, also when that closed long
 * ago. A closed socket that is to be unrefed waits for its next connect with one more listener: in a long outage they add up, and Node
 * warns of them after ten (MaxListenersExceededWarning). A closed socket keeps no process running, so there is nothing to do.
 */
export function withoutLateUnref(socket: Socket): Socket {
  socket.unref = () => (socket.destroyed ? socket : Socket.prototype.unref.call(socket))
  return socket
}
