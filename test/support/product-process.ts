import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../../services/cli/main.ts', import.meta.url))

export interface CommandOutcome {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs the `affidavit` command to its end. */
export async function runCommand(
  args: readonly string[],
  waitMs = 20_000,
): Promise<CommandOutcome> {
  const child = spawnCommand(args)
  const output = collect(child)
  const timer = setTimeout(() => child.kill('SIGKILL'), waitMs)
  const [status] = (await once(child, 'close')) as [number | null]
  clearTimeout(timer)
  return { status, ...output.sofar() }
}

const clockAhead = new URL('./clock-ahead.ts', import.meta.url).href

/**
 * `affidavit up`, once it says that it takes connections; its clock is ahead of the machine's by so much. Throws with what it said when
 * it ends before.
 */
export async function startUp(configFile: string, aheadMs = 0): Promise<RunningProduct> {
  const ahead = { NODE_OPTIONS: `--import=${clockAhead}`, CLOCK_AHEAD_MS: String(aheadMs) }
  const product = new RunningProduct(
    spawnCommand(['up', '--config', configFile, '--log-level', 'warn'], aheadMs === 0 ? {} : ahead),
  )
  await product.ready
  return product
}

/** A part of the product that lives on, once it has said this on its output. */
export async function startPart(args: readonly string[], saying: string): Promise<RunningProduct> {
  const part = new RunningProduct(spawnCommand([...args, '--log-level', 'warn']), saying)
  await part.ready
  return part
}

/** The product at its start: it may be killed before it takes connections. */
export function spawnUp(configFile: string): RunningProduct {
  return new RunningProduct(spawnCommand(['up', '--config', configFile, '--log-level', 'warn']))
}

/** The process of `affidavit up`. Disposing kills it when it still runs. */
export class RunningProduct implements AsyncDisposable {
  readonly pid: number
  /** Resolves when it takes connections; rejects when it ended before. */
  readonly ready: Promise<void>
  /** Resolves with the exit status, null after a signal. */
  readonly ended: Promise<number | null>
  readonly #child: ChildProcess
  readonly #output: Output

  constructor(child: ChildProcess, saying = '\ntarget ') {
    this.#child = child
    this.pid = child.pid ?? 0
    this.#output = collect(child)
    this.ended = once(child, 'close').then(([status]) => status as number | null)
    this.ready = new Promise((resolve, reject) => {
      child.stdout?.on('data', () => {
        if (this.#output.sofar().stdout.includes(saying)) resolve()
      })
      void this.ended.then((status) => {
        const { stderr, stdout } = this.#output.sofar()
        reject(new Error(`the product ended with ${status}: ${stderr}${stdout}`))
      })
    })
    this.ready.catch(() => undefined)
  }

  /** What it said on both outputs. */
  get said(): string {
    const { stdout, stderr } = this.#output.sofar()
    return stdout + stderr
  }

  /** Resident bytes. */
  get residentBytes(): number {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8')
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.ended
  }

  /** Stops it in order and gives its exit status. */
  async stop(waitMs = 30_000): Promise<number | null> {
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), waitMs)
    const status = await this.ended
    clearTimeout(timer)
    return status
  }

  /** Whatever state it is in: afterwards it does not run. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.kill()
  }
}

interface Output {
  sofar(): { readonly stdout: string; readonly stderr: string }
}

function spawnCommand(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ChildProcess {
  return spawn(process.execPath, [main, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
}

function collect(child: ChildProcess): Output {
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  return { sofar: () => ({ stdout, stderr }) }
}
