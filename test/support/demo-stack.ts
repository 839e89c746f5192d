import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { startDemo } from '../../services/all-in-one/demo/demo.ts'
import type { Demo } from '../../services/all-in-one/demo/demo.ts'
import { createLogger } from '../../services/runtime/logger.ts'

export interface DemoStackOptions {
  /** The text of policy.yaml; the demo's own where it is missing. */
  readonly policy?: string
}

/** Disposing stops everything and removes its files. */
export interface DemoStack extends AsyncDisposable {
  readonly demo: Demo
  readonly directory: string
}

/** The whole product with its demo around it, for one test file. */
export async function demoStack(options: DemoStackOptions = {}): Promise<DemoStack> {
  const directory = mkdtempSync(join(tmpdir(), 'affidavit-stack-'))
  mkdirSync(directory, { recursive: true })
  if (options.policy !== undefined) writeFileSync(join(directory, 'policy.yaml'), options.policy)
  const demo = await startDemo({
    directory,
    portBase: await freePorts(4),
    logger: createLogger('error'),
    tell: () => undefined,
  })
  return {
    demo,
    directory,
    async [Symbol.asyncDispose]() {
      await demo[Symbol.asyncDispose]()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** The first of so many ports in a row that nobody listens on. */
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

/** Waits until `look` gives something, or fails with what was waited for. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | null>,
  waitMs = 20_000,
): Promise<T> {
  const end = performance.now() + waitMs
  for (;;) {
    const found = await look()
    if (found !== null) return found
    if (performance.now() > end) throw new Error(`waited ${waitMs} ms in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
