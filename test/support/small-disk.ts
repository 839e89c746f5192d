import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** A disk of its own at a directory, that can be filled to its last byte. Disposing takes it away with all that is on it. */
export class SmallDisk implements Disposable {
  readonly #directory: string

  constructor(directory: string, mebibytes: number, mode: 'rw' | 'ro' = 'rw') {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    const options = `size=${mebibytes}m,mode=0700,${mode}`
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', directory])
    this.#directory = directory
  }

  fill(): void {
    const file = openSync(join(this.#directory, 'filler'), 'a')
    try {
      for (const bytes of [Buffer.alloc(1 << 20), Buffer.alloc(4096)]) writeUntilFull(file, bytes)
    } finally {
      closeSync(file)
    }
  }

  makeRoom(): void {
    rmSync(join(this.#directory, 'filler'))
  }

  [Symbol.dispose](): void {
    // Lazy: what still has a file open there must not keep the directory from being removed.
    execFileSync('umount', ['--lazy', this.#directory])
  }
}

/** Only root may mount; as anybody else the test is skipped by name. */
export function canMount(t: TestContext): boolean {
  if (process.getuid?.() === 0) return true
  t.skip('a disk of its own takes root')
  return false
}

function writeUntilFull(file: number, bytes: Buffer): void {
  try {
    for (;;) writeSync(file, bytes)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  }
}
