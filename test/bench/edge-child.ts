import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'

import type { Place } from './edge-pgbench.ts'
import type { EdgeBacklog, EdgeOrder, EdgeReady } from './edge-process.ts'

export interface EdgeChild extends Place, AsyncDisposable {
  readonly pid: number
  /** Resolves when everything recorded is on the bus; fails when an event was not taken. */
  drained(): Promise<void>
}

/** `nodeOptions`: for profiles. */
export async function startEdge(
  order: EdgeOrder,
  nodeOptions: readonly string[],
): Promise<EdgeChild> {
  const child = fork(new URL('./edge-process.ts', import.meta.url), {
    execArgv: [...nodeOptions],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const ended = once(child, 'exit')
  child.send(order)
  const { port } = await answerOf<EdgeReady>(child)
  return {
    port,
    user: order.user,
    password: order.password,
    database: order.target.database,
    pid: child.pid ?? 0,
    async drained() {
      for (;;) {
        child.send('backlog')
        const { waiting, notTaken } = await answerOf<EdgeBacklog>(child)
        if (notTaken > 0) throw new Error(`${notTaken} events were not taken`)
        if (waiting === 0) return
        await delay(20)
      }
    },
    async [Symbol.asyncDispose]() {
      if (child.connected) child.disconnect()
      await ended
    },
  }
}

export interface Passthrough extends Place, AsyncDisposable {
  readonly pid: number
}

export async function startPassthrough(target: Place): Promise<Passthrough> {
  const child = fork(new URL('./edge-passthrough.ts', import.meta.url))
  const ended = once(child, 'exit')
  child.send(target.port)
  const { port } = await answerOf<EdgeReady>(child)
  return {
    ...target,
    port,
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      if (child.connected) child.disconnect()
      await ended
    },
  }
}

async function answerOf<T>(child: ChildProcess): Promise<T> {
  const gone = new AbortController()
  const onExit = (): void => gone.abort(new Error('the edge ended'))
  child.once('exit', onExit)
  try {
    const [message] = (await once(child, 'message', { signal: gone.signal })) as [T]
    return message
  } finally {
    child.off('exit', onExit)
  }
}
