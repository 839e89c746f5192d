import type { LedgerStorage, LogStorage } from '../../services/ledger/storage/storage.ts'

/** Every step that writes. */
export const writeSteps = [
  'payloads.put',
  'entries.append',
  'packs.append',
  'checkpoints.append',
  'register.swap',
  'checkpoints.publish',
] as const
export type WriteStep = (typeof writeSteps)[number]

export interface Fault {
  readonly step: WriteStep
  /** `before`: nothing was written. `after`: everything was, and yet it fails: the unknown outcome. */
  readonly when: 'before' | 'after'
}

/** A storage whose next call of one step fails once armed. */
export class FaultyStorage implements LedgerStorage {
  fault: Fault | null = null
  readonly #storage: LedgerStorage

  constructor(storage: LedgerStorage) {
    this.#storage = storage
  }

  origins(): Promise<readonly string[]> {
    return this.#storage.origins()
  }

  registeredOrigins(): Promise<readonly string[]> {
    return this.#storage.registeredOrigins()
  }

  create(...args: Parameters<LedgerStorage['create']>): Promise<void> {
    return this.#storage.create(...args)
  }

  openForReading(origin: string): Promise<LogStorage> {
    return this.#storage.openForReading(origin)
  }

  async openForWriting(origin: string): Promise<LogStorage> {
    const log = await this.#storage.openForWriting(origin)
    const { payloads, entries, packs, checkpoints, register } = log
    return {
      ...log,
      payloads: this.#failing(payloads, { put: 'payloads.put' }),
      entries: this.#failing(entries, { append: 'entries.append' }),
      packs: this.#failing(packs, { append: 'packs.append' }),
      checkpoints: this.#failing(checkpoints, {
        append: 'checkpoints.append',
        publish: 'checkpoints.publish',
      }),
      register: this.#failing(register, { swap: 'register.swap' }),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#storage[Symbol.asyncDispose]()
  }

  #failing<T extends object>(part: T, steps: Readonly<Record<string, WriteStep>>): T {
    return new Proxy(part, {
      get: (target, name): unknown => {
        const value: unknown = Reflect.get(target, name, target)
        if (typeof value !== 'function') return value
        const call = value.bind(target) as (...args: unknown[]) => unknown
        const step = steps[String(name)]
        if (step === undefined) return call
        return async (...args: unknown[]): Promise<unknown> => {
          const { fault } = this
          if (fault?.step !== step) return call(...args)
          this.fault = null
          if (fault.when === 'after') await call(...args)
          throw new Error(`${step} failed ${fault.when} it was done`)
        }
      },
    })
  }
}
