import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { RunAs } from '../../services/all-in-one/demo/database/unprivileged-user.ts'
import { findProgram } from '../support/engine.ts'

export interface EngineCommand {
  readonly program: string
  readonly args: readonly string[]
  /** Where it runs and where its output is kept. */
  readonly directory: string
  readonly runAs?: RunAs
}

/**
 * A server that a test started. It ends with the test's process, however that ends: by this class, at the process's exit, and where
 * there is `setpriv` by the kernel when the process was killed.
 */
export class EngineProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #log: string
  readonly #ended: Promise<unknown>
  readonly #killAtExit = (): void => {
    this.#child.kill('SIGKILL')
  }

  constructor(command: EngineCommand) {
    this.#log = join(command.directory, 'output.log')
    const output = openSync(this.#log, 'a')
    const [program, ...args] = withDeathSignal([command.program, ...command.args])
    this.#child = spawn(program, args, {
      cwd: command.directory,
      stdio: ['ignore', output, output],
      env: { PATH: process.env['PATH'], HOME: command.directory, LANG: 'C.UTF-8' },
      ...command.runAs,
    })
    closeSync(output)
    this.#ended = once(this.#child, 'exit')
    process.once('exit', this.#killAtExit)
    this.#ended
      .catch(() => undefined)
      .finally(() => process.removeListener('exit', this.#killAtExit))
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Resolves with the exit status, null after a signal; rejects when it could not be started. */
  async ended(): Promise<number | null> {
    await this.#ended
    return this.#child.exitCode
  }

  /** SIGKILL; resolves when it has ended. */
  async kill(): Promise<void> {
    if (this.isRunning) this.#child.kill('SIGKILL')
    await this.#ended
  }

  /** It answers nothing, and its connections stay open. */
  freeze(): void {
    this.#child.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child.kill('SIGCONT')
  }

  /** The end of what it said. */
  async said(): Promise<string> {
    return (await readFile(this.#log, 'utf8')).slice(-3_000)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }
}

type Command = readonly [string, ...string[]]

function withDeathSignal(command: Command): Command {
  const setpriv = findProgram('setpriv')
  return setpriv === null ? command : [setpriv, '--pdeathsig', 'KILL', '--', ...command]
}
