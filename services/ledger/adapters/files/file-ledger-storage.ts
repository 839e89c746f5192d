import { createSecretKey, randomBytes } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { mkdir, readFile, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { readSecretFile, writeSecretFile } from '../../../runtime/key-file.ts'
import type { Batch } from '../../storage/entry-store.ts'
import { LedgerError } from '../../error.ts'
import type { LedgerStorage, LogStorage, SealedPosition } from '../../storage/storage.ts'
import { isMissing, replaceFile, syncDirectory, writeNewFile } from './durable-files.ts'
import { FileCheckpointStore } from './file-checkpoint-store.ts'
import { FileEntryStore } from './file-entry-store.ts'
import { FileHashPacks } from './file-hash-packs.ts'
import { lockFile } from './file-lock.ts'
import { FilePayloadStore } from './file-payload-store.ts'
import { HeadSwaps } from './head-swaps.ts'
import { SealThread } from './payload-sealing.ts'
import { SqliteHeadRegisters } from './sqlite-head-register.ts'

export interface FileStorageOptions {
  readonly directory: string
  /** Default `register.sqlite` in the directory. On other storage it also shows that the directory was set back. */
  readonly registerFile?: string
  readonly segmentBytes?: number
  readonly payloadFileBytes?: number
}

const kekFile = 'payload-kek'
const newSuffix = '.new'

/** Each log in a directory `logs/<origin>` of its own, with the layout of the ledger format. */
export class FileLedgerStorage implements LedgerStorage {
  readonly #options: FileStorageOptions
  readonly #registers: SqliteHeadRegisters
  readonly #swaps: HeadSwaps
  readonly #sealing = new SealThread()
  readonly #kek: KeyObject

  private constructor(options: FileStorageOptions, registers: SqliteHeadRegisters, kek: KeyObject) {
    this.#options = options
    this.#registers = registers
    this.#swaps = new HeadSwaps(registerFile(options), registers)
    this.#kek = kek
  }

  /** Makes the directory and its key-encryption key. Throws `LEDGER_EXISTS` when there is one. */
  static async create(options: FileStorageOptions): Promise<void> {
    const { directory } = options
    await mkdir(join(directory, 'logs'), { recursive: true })
    const kek = randomBytes(32)
    try {
      await writeSecretFile(join(directory, kekFile), kek)
    } catch (cause) {
      throw new LedgerError('LEDGER_EXISTS', `${directory} holds a ledger already`, { cause })
    }
    kek.fill(0)
    new SqliteHeadRegisters(registerFile(options))[Symbol.dispose]()
    await syncDirectory(directory)
    await syncDirectory(dirname(directory))
  }

  static async open(options: FileStorageOptions): Promise<FileLedgerStorage> {
    let secret: Buffer
    try {
      await readdir(join(options.directory, 'logs'))
      secret = await readSecretFile(join(options.directory, kekFile))
    } catch (cause) {
      const isAbsent = isMissing(cause) || isMissing((cause as Error).cause)
      if (!isAbsent) throw cause
      throw new LedgerError(
        'LEDGER_MISSING',
        `${options.directory} holds no ledger; make one with \`affidavit init\``,
        { cause },
      )
    }
    const kek = createSecretKey(secret)
    secret.fill(0)
    return new FileLedgerStorage(options, new SqliteHeadRegisters(registerFile(options)), kek)
  }

  async origins(): Promise<readonly string[]> {
    const root = join(this.#options.directory, 'logs')
    const names = await readdir(root, { recursive: true })
    return names
      .filter((name) => name.endsWith('/genesis.json'))
      .map((name) => dirname(name))
      .filter((origin) => !origin.split('/').some((part) => part.endsWith(newSuffix)))
      .sort()
  }

  registeredOrigins(): Promise<readonly string[]> {
    return this.#registers.origins()
  }

  async create(origin: string, genesis: Buffer, first: Batch): Promise<void> {
    const directory = this.#directory(origin)
    const fresh = `${directory}${newSuffix}`
    // What a crash left of an earlier attempt was never part of the ledger.
    await rm(fresh, { recursive: true, force: true })
    const parent = dirname(directory)
    const firstMade = await mkdir(parent, { recursive: true })
    await mkdir(fresh)
    await FileEntryStore.create(join(fresh, 'seg'), origin, first)
    for (const name of ['hash', 'payload']) await mkdir(join(fresh, name))
    for (const pack of ['L0.pack', 'L1.pack', 'L2.pack']) {
      await writeNewFile(join(fresh, 'hash', pack), '')
    }
    await writeNewFile(join(fresh, 'payload', 'data-keys'), '', 0o600)
    await writeNewFile(join(fresh, 'genesis.json'), genesis)
    for (const made of ['seg', 'hash', 'payload', '.']) await syncDirectory(join(fresh, made))
    await rename(fresh, directory)
    // Every directory that was made has its name in the one above.
    const top = firstMade === undefined ? parent : dirname(firstMade)
    for (let made = parent; ; made = dirname(made)) {
      await syncDirectory(made)
      if (made === top || made === dirname(made)) break
    }
  }

  async openForWriting(origin: string): Promise<LogStorage> {
    const lock = lockFile(join(await this.#existing(origin), 'LOCK'))
    return this.#open(origin, true, lock)
  }

  async openForReading(origin: string): Promise<LogStorage> {
    await this.#existing(origin)
    return this.#open(origin, false, null)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#swaps[Symbol.asyncDispose]()
    await this.#sealing[Symbol.asyncDispose]()
    this.#registers[Symbol.dispose]()
  }

  async #open(origin: string, isWritable: boolean, lock: Disposable | null): Promise<LogStorage> {
    const directory = this.#directory(origin)
    await using opening = new AsyncDisposableStack()
    // Freed last, after every file is closed.
    opening.use(lock)
    const entries = opening.use(
      await FileEntryStore.open({
        directory: join(directory, 'seg'),
        origin,
        isWritable,
        ...defined('segmentBytes', this.#options.segmentBytes),
      }),
    )
    const packs = opening.use(await FileHashPacks.open(join(directory, 'hash'), isWritable))
    const payloads = opening.use(
      await FilePayloadStore.open({
        directory: join(directory, 'payload'),
        origin,
        kek: this.#kek,
        isWritable,
        seal: this.#sealing.seal,
        ...defined('fileBytes', this.#options.payloadFileBytes),
      }),
    )
    const genesis = await readFile(join(directory, 'genesis.json'))
    const opened = opening.move()
    return {
      origin,
      genesis,
      entries,
      packs,
      payloads,
      register: (isWritable ? this.#swaps : this.#registers).of(origin),
      checkpoints: new FileCheckpointStore(directory),
      sealed: sealedPosition(join(directory, 'sealed-position')),
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    }
  }

  async #existing(origin: string): Promise<string> {
    const directory = this.#directory(origin)
    try {
      await readFile(join(directory, 'genesis.json'))
    } catch (cause) {
      if (!isMissing(cause)) throw cause
      throw new LedgerError('LEDGER_LOG_UNKNOWN', `there is no log ${origin}`, { cause })
    }
    return directory
  }

  #directory(origin: string): string {
    // An origin comes from a configuration or a request: it must not lead out of the directory.
    const parts = origin.split('/')
    if (parts.some((part) => !/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(part))) {
      throw new LedgerError('LEDGER_LOG_UNKNOWN', `${JSON.stringify(origin)} is not an origin`)
    }
    return join(this.#options.directory, 'logs', ...parts)
  }
}

function registerFile(options: FileStorageOptions): string {
  return options.registerFile ?? join(options.directory, 'register.sqlite')
}

function sealedPosition(file: string): SealedPosition {
  return {
    async read() {
      try {
        const position = Number(await readFile(file, 'utf8'))
        return Number.isSafeInteger(position) && position >= 0 ? position : 0
      } catch (error) {
        if (isMissing(error)) return 0
        throw error
      }
    },
    write: (position) => replaceFile(file, String(position)),
  }
}

function defined<K extends string>(name: K, value: number | undefined): { [key in K]?: number } {
  return value === undefined ? {} : ({ [name]: value } as { [key in K]?: number })
}
