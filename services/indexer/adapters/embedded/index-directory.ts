import { existsSync } from 'node:fs'
import { mkdir, open, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { IndexError } from '../../search-index.ts'
import { openForReading, readVersion, tablesVersion } from './schema.ts'

/**
 * The files of an index: `index-<n>.sqlite`, and `current`, which names the one that counts. A rebuilt index is another file; putting
 * it in the old one's place is one rename of `current`. What `current` does not name is left over and deleted.
 */
export class IndexDirectory implements Disposable {
  readonly #path: string
  readonly #claim: DatabaseSync
  #newest = 0

  private constructor(path: string, claim: DatabaseSync) {
    this.#path = path
    this.#claim = claim
  }

  /** Makes the directory when it is missing. One process has it at a time, until it ends, however it ends. */
  static async open(path: string): Promise<IndexDirectory> {
    await mkdir(path, { recursive: true, mode: 0o700 })
    return new IndexDirectory(path, claim(path))
  }

  /** The file that counts, a new one where there is none or it has the tables of another version. */
  async current(): Promise<string> {
    const names = await this.#names()
    const named = await readFile(this.#pointer, 'utf8').catch(() => '')
    this.#newest = Math.max(0, ...names.map(numberOf))
    if (names.includes(named) && isOfThisVersion(join(this.#path, named))) {
      await this.#deleteOthers(named)
      return join(this.#path, named)
    }
    const file = this.next()
    await this.use(file)
    await this.#deleteOthers(basename(file))
    return file
  }

  /** The path of another file, not made yet. */
  next(): string {
    this.#newest += 1
    return join(this.#path, `index-${this.#newest}.sqlite`)
  }

  /** Makes this the file that counts, for good. */
  async use(file: string): Promise<void> {
    const next = `${this.#pointer}.next`
    await writeFile(next, basename(file), { flush: true, mode: 0o600 })
    await rename(next, this.#pointer)
    const directory = await open(this.#path)
    await directory.sync()
    await directory.close()
  }

  async delete(file: string): Promise<void> {
    for (const suffix of ['', '-wal', '-shm']) await rm(`${file}${suffix}`, { force: true })
  }

  [Symbol.dispose](): void {
    this.#claim.close()
  }

  get #pointer(): string {
    return join(this.#path, 'current')
  }

  /** Index files, also those of which only the write-ahead log is left. */
  async #names(): Promise<readonly string[]> {
    const names = (await readdir(this.#path)).map((name) => /^index-\d+\.sqlite/.exec(name)?.[0])
    return [...new Set(names.filter((name) => name !== undefined))]
  }

  async #deleteOthers(named: string): Promise<void> {
    for (const name of await this.#names()) {
      if (name !== named) await this.delete(join(this.#path, name))
    }
  }
}

function numberOf(name: string): number {
  return Number(/\d+/.exec(name)?.[0] ?? 0)
}

// A crash between naming the file and making its tables leaves version 0, which the writer fills in.
function isOfThisVersion(file: string): boolean {
  if (!existsSync(file)) return false
  const db = openForReading(file)
  try {
    return [0, tablesVersion].includes(readVersion(db))
  } finally {
    db.close()
  }
}

// A lock that the system drops with the process, on a file of its own, since one on the index would keep the readers out.
function claim(path: string): DatabaseSync {
  const db = new DatabaseSync(join(path, 'claim'), { timeout: 0 })
  try {
    db.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    return db
  } catch (cause) {
    db.close()
    throw new IndexError('INDEX_HELD', `the index in ${path} is held by another process`, { cause })
  }
}
