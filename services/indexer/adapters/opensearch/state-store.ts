import { IndexError } from '../../search-index.ts'
import type { AppliedProgress } from '../../search-index.ts'
import type { IndexProgress } from '../../query.ts'
import type { DocumentVersion } from './bulk-reply.ts'
import type { Cluster } from './cluster.ts'
import { schemaVersion } from './templates.ts'

export interface BusOffset {
  readonly topic: string
  readonly partition: number
  readonly next: bigint
}

/** What is true of the index as a whole. */
export interface IndexState {
  readonly schema: number
  /** The generation that answers and takes documents. */
  readonly generation: number
  /** The newest generation that was ever begun. */
  readonly newest: number
  readonly logs: readonly IndexProgress[]
  readonly offsets: readonly BusOffset[]
}

interface Read {
  readonly state: IndexState
  readonly version: DocumentVersion
}

/**
 * One document holds the generation that counts, the progress and the bus offsets, and is only ever replaced in the version it was read
 * in. So progress is written whole or not at all, only for the generation that its documents went to, by however many processes.
 */
export class StateStore {
  readonly #path: string
  readonly #cluster: Cluster
  #read: Read | null = null
  #turn: Promise<unknown> = Promise.resolve()

  constructor(index: string, cluster: Cluster) {
    this.#path = `/${index}`
    this.#cluster = cluster
  }

  /** The state as it was read or stored last, null when it is not known. */
  get known(): IndexState | null {
    return this.#read?.state ?? null
  }

  /** The state as it is stored now; null when this index was never opened. */
  async read(signal: AbortSignal): Promise<IndexState | null> {
    const { status, body } = await this.#cluster.insist(
      { method: 'GET', path: `${this.#path}/_doc/state`, expected: [404] },
      signal,
    )
    if (status === 404) return null
    this.#read = {
      state: stateOf(body['_source']),
      version: { seqNo: Number(body['_seq_no']), primaryTerm: Number(body['_primary_term']) },
    }
    return this.#read.state
  }

  /** As `read`, asked once, for questions. */
  async look(): Promise<IndexState | null> {
    const { status, body } = await this.#cluster.ask({
      method: 'GET',
      path: `${this.#path}/_doc/state`,
      expected: [404],
    })
    return status === 404 ? null : stateOf(body['_source'])
  }

  /** Changes the state, again from the start when somebody else changed it meanwhile. `change` returns null to leave it. */
  async change(
    change: (state: IndexState) => IndexState | null,
    signal: AbortSignal,
  ): Promise<IndexState> {
    const turn = this.#turn.then(async () => {
      for (;;) {
        const known = this.#read?.state ?? (await this.read(signal))
        if (known === null) {
          throw new IndexError(
            'INDEX_FAILED',
            `the document ${this.#path}/_doc/state was deleted: open the index again`,
          )
        }
        const next = change(known)
        if (next === null) return known
        if (await this.replace(next, signal)) return next
        await this.read(signal)
      }
    })
    this.#turn = turn.catch(() => undefined)
    return await turn
  }

  /** Stores this instead of what was read last; the first time instead of nothing. False when that is not what is there any more. */
  async replace(state: IndexState, signal: AbortSignal): Promise<boolean> {
    const version = this.#read?.version
    const query: Record<string, string | number> =
      version === undefined
        ? { op_type: 'create' }
        : { if_seq_no: version.seqNo, if_primary_term: version.primaryTerm }
    const { status, body } = await this.#cluster.insist(
      {
        method: 'PUT',
        path: `${this.#path}/_doc/state`,
        query: { ...query, timeout: '5s' },
        body: stored(state),
        expected: [409],
      },
      signal,
    )
    if (status === 409) {
      this.#read = null
      return false
    }
    this.#read = {
      state,
      version: { seqNo: Number(body['_seq_no']), primaryTerm: Number(body['_primary_term']) },
    }
    return true
  }
}

/** The state with this progress in it; null when it says nothing new. */
export function advanced(state: IndexState, progress: AppliedProgress): IndexState | null {
  const logs = new Map(state.logs.map(({ log, indexed }) => [log, indexed]))
  let isNew = false
  for (const { log, indexed } of progress.logs) {
    const known = logs.get(log)
    if (known !== undefined && known >= indexed) continue
    logs.set(log, indexed)
    isNew = true
  }
  const { offset } = progress
  const known = offset && offsetIn(state, offset.topic, offset.partition)
  const offsets = [...state.offsets]
  if (offset !== undefined && (known === null || known === undefined || known < offset.next)) {
    const at = offsets.findIndex((each) => isSame(each, offset.topic, offset.partition))
    offsets.splice(at < 0 ? offsets.length : at, at < 0 ? 0 : 1, offset)
    isNew = true
  }
  return isNew ? { ...state, logs: ordered(logs), offsets } : null
}

export function offsetIn(state: IndexState, topic: string, partition: number): bigint | null {
  return state.offsets.find((each) => isSame(each, topic, partition))?.next ?? null
}

function isSame(offset: BusOffset, topic: string, partition: number): boolean {
  return offset.topic === topic && offset.partition === partition
}

function ordered(logs: ReadonlyMap<string, number>): readonly IndexProgress[] {
  const all = [...logs].map(([log, indexed]) => ({ log, indexed }))
  return all.sort((one, other) => Buffer.compare(Buffer.from(one.log), Buffer.from(other.log)))
}

export function emptyState(generation: number): IndexState {
  return { schema: schemaVersion, generation, newest: generation, logs: [], offsets: [] }
}

// Offsets are 64 bits: as texts they stay what they are.
function stored(state: IndexState): object {
  const offsets = state.offsets.map((each) => ({ ...each, next: String(each.next) }))
  return { ...state, offsets }
}

function stateOf(source: unknown): IndexState {
  const { offsets, ...state } = source as Omit<IndexState, 'offsets'> & {
    offsets: readonly { topic: string; partition: number; next: string }[]
  }
  return { ...state, offsets: offsets.map((each) => ({ ...each, next: BigInt(each.next) })) }
}
