import { createServer } from 'node:net'

/**
 * The first of so many ports in a row that nobody listens on. They lie below those that the system gives to outgoing connections: a
 * client that knocks again and again at a server that is away would end up connected to itself there.
 */
export async function freePorts(count: number): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const base = 21_000 + Math.floor(Math.random() * 10_000)
    const free = await Promise.all(Array.from({ length: count }, (_, each) => isFree(base + each)))
    if (free.every(Boolean)) return base
  }
  throw new Error(`no ${count} free ports in a row were found`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.on('error', () => {
      resolve(false)
    })
    server.listen(port, '127.0.0.1', () => {
      server.close(() => {
        resolve(true)
      })
    })
  })
}
