import { after, before, beforeEach } from 'node:test'

import type pg from 'pg'

import type { EmbeddedPostgres } from '../../../../../services/all-in-one/demo/database/embedded-postgres.ts'
import { directClient, startTarget } from '../edge-fixture.ts'

/** A target with a table of numbers, to be used within the tests of the file that asked for it. */
export interface NumbersTarget {
  readonly server: EmbeddedPostgres
  /** Past the edge. */
  readonly owner: pg.Client
  /** What is in the table now. */
  all(): Promise<readonly number[]>
}

/** One target for a file; its table `numbers` has 1 to `most` again at the beginning of each test. */
export function numbersTarget(most = 5): NumbersTarget {
  let server: EmbeddedPostgres
  let owner: pg.Client
  before(async () => {
    server = await startTarget()
    owner = await directClient(server)
  })
  after(async () => {
    await owner.end()
    await server[Symbol.asyncDispose]()
  })
  beforeEach(async () => {
    await owner.query('DROP TABLE IF EXISTS numbers')
    await owner.query(`CREATE TABLE numbers AS SELECT n FROM generate_series(1, ${most}) AS n`)
  })
  return {
    get server() {
      return server
    },
    get owner() {
      return owner
    },
    async all() {
      const { rows } = await owner.query<{ n: number }>('SELECT n FROM numbers ORDER BY n')
      return rows.map(({ n }) => n)
    },
  }
}
