import { execFile } from 'node:child_process'
import { mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { missing, requireProgram } from '../support/engine.ts'

const sources = import.meta.dirname
const cache = join(sources, '..', '..', '.cache', 'outsiders')

export interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** One of the Go programs beside this file, built. Null when there is no Go here, or not the module it needs. */
export async function goProgram(t: TestContext, name: string): Promise<string | null> {
  const go = requireProgram(t, 'go')
  if (go === null) return null
  let building = built.get(name)
  if (building === undefined) {
    building = build(go, name)
    built.set(name, building)
  }
  return (await building) ?? missing(t, `what the Go program ${name} is built from`)
}

const built = new Map<string, Promise<string | null>>()

async function build(go: string, name: string): Promise<string | null> {
  const cwd = join(sources, name)
  const env = { ...process.env, GO111MODULE: 'on', GOWORK: 'off', GOFLAGS: '' }
  if ((await run(go, ['mod', 'download'], { cwd, env })).code !== 0) return null
  await mkdir(cache, { recursive: true })
  const program = join(cache, name)
  // Test files run beside each other: none may see a program that is half written.
  const unfinished = `${program}.${process.pid}`
  const outcome = await run(go, ['build', '-buildvcs=false', '-trimpath', '-o', unfinished, '.'], {
    cwd,
    env,
  })
  if (outcome.code !== 0) throw new Error(`${name} does not build: ${outcome.stderr}`)
  await rename(unfinished, program)
  return program
}

export interface RunOptions {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  readonly input?: string
}

export function run(
  program: string,
  arguments_: readonly string[],
  { input, ...options }: RunOptions = {},
): Promise<Outcome> {
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>()
  const limits = { timeout: 300_000, maxBuffer: 64 * 1024 * 1024 }
  const child = execFile(
    program,
    arguments_,
    { ...options, ...limits },
    (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code
      // Not started, or killed: no outcome.
      if (typeof code !== 'number') reject(error ?? new Error(`${program} did not end`))
      else resolve({ code, stdout, stderr })
    },
  )
  if (input !== undefined) child.stdin?.end(input)
  return promise
}
