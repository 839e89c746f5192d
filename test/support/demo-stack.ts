import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { startDemo } from '../../services/all-in-one/demo/demo.ts'
import type { Demo } from '../../services/all-in-one/demo/demo.ts'
import type { Person } from '../../services/all-in-one/demo/issuer/people.ts'
import { createLogger } from '../../services/runtime/logger.ts'
import { freePorts } from './free-ports.ts'

export interface DemoStackOptions {
  /** The text of policy.yaml; the demo's own where it is missing. */
  readonly policy?: string
  /** Who can sign in; the demo's people where it is missing. */
  readonly people?: readonly Person[]
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
    ...(options.people === undefined ? {} : { people: options.people }),
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
