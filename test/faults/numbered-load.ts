import { setTimeout as pause } from 'node:timers/promises'

import { Client, DatabaseError } from 'pg'

import type { SessionPassword } from '../../services/api/schemas/credentials.ts'

/** What a client knows of a statement with its own number. */
export interface NumberedStatement {
  readonly n: number
  readonly isInsert: boolean
  /** Milliseconds since 1970; null when the client was never told that it was done. */
  acknowledgedAtMs: number | null
}

const clients = 6
const waitMs = 30_000

/**
 * Clients that send statement after statement through the edge, each with a number that no other has, and connect again whenever they
 * lose it. One third reads, one third inserts by a simple query, one third inserts by a bound parameter.
 */
export class NumberedLoad implements AsyncDisposable {
  readonly statements: NumberedStatement[] = []
  /** What the edge or the target said no to. A killed edge says nothing. */
  readonly refusals: DatabaseError[] = []
  readonly #password: SessionPassword
  readonly #stop = new AbortController()
  readonly #running: Promise<void>[]
  #acknowledged = 0
  #nextWaiters: (() => void)[] = []

  constructor(password: SessionPassword) {
    this.#password = password
    this.#running = Array.from({ length: clients }, () => this.#client())
  }

  get acknowledged(): number {
    return this.#acknowledged
  }

  /** Resolves with the next acknowledgement; rejects when there is none for long. */
  next(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`no statement was acknowledged for ${waitMs} ms`))
      }, waitMs)
      this.#nextWaiters.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  /** Lets what runs come to its end, and begins nothing more. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#running)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #client(): Promise<void> {
    const { host, port, database, user, password, ca_pem: ca } = this.#password
    while (this.#isWorking()) {
      const client = new Client({ host, port, database, user, password, ssl: { ca } })
      // The statement that waits is rejected as well.
      client.on('error', () => undefined)
      try {
        await client.connect()
        while (this.#isWorking()) await this.#statement(client)
        await client.end()
      } catch (error) {
        if (error instanceof DatabaseError) this.refusals.push(error)
        await pause(10)
      }
    }
  }

  #isWorking(): boolean {
    return !this.#stop.signal.aborted
  }

  async #statement(client: Client): Promise<void> {
    const n = this.statements.length
    const statement: NumberedStatement = { n, isInsert: n % 3 !== 0, acknowledgedAtMs: null }
    this.statements.push(statement)
    if (n % 3 === 0) await client.query(`SELECT ${n} AS n`)
    else if (n % 3 === 1) await client.query(`INSERT INTO numbers (n) VALUES (${n})`)
    else await client.query('INSERT INTO numbers (n) VALUES ($1)', [n])
    statement.acknowledgedAtMs = Date.now()
    this.#acknowledged += 1
    const waiting = this.#nextWaiters
    this.#nextWaiters = []
    for (const resolve of waiting) resolve()
  }
}
