import type { AuditEvent } from '../../schemas/event.ts'
import type { EventLeaf } from '../../schemas/leaf.ts'

/** A producer signs the head of its chain each second, so what is older than this at the newest checkpoint has had its time. */
const signedWithinUs = 60_000_000

export interface UnsignedEvents {
  readonly fromSeq: number
  readonly toSeq: number
  readonly count: number
  /** Where the first is sealed. */
  readonly at: string
}

/**
 * Which events of one producer come after everything that it has signed. Each signature covers all before it by the chain of hashes, so
 * these are its last; or somebody else, who may write to the bus, has sent them in its name. Whether the signatures hold says the ledger.
 */
export class Unsigned {
  /** Numbers up to this one are covered; null while no signature was seen. */
  #signedSeq: number | null = null
  #after: { readonly seq: number; readonly us: number; readonly at: string }[] = []

  /** Every event of the producer, of whatever time. One that was erased says by its leaf that it was a signature. */
  take(leaf: EventLeaf, event: AuditEvent | null): void {
    if (leaf.ix.type !== 'edge.sealed') return
    const head = event?.seal?.head_seq ?? leaf.pseq - 1
    // It is nothing but that signature, so it needs no other.
    const covered = head === leaf.pseq - 1 ? leaf.pseq : head
    this.#signedSeq = Math.max(this.#signedSeq ?? -1, covered)
    this.#after = this.#after.filter(({ seq }) => seq > covered)
  }

  /** An event of the period. */
  note(seq: number, us: number, at: string): void {
    if (this.#signedSeq === null || seq > this.#signedSeq) this.#after.push({ seq, us, at })
  }

  /** Null when there are none, or the producer signs nothing that is known here. */
  asOf(asOfUs: number): UnsignedEvents | null {
    const signedSeq = this.#signedSeq
    if (signedSeq === null) return null
    const found = this.#after
      .filter(({ seq, us }) => seq > signedSeq && us < asOfUs - signedWithinUs)
      .sort((one, other) => one.seq - other.seq)
    const [first] = found
    const last = found.at(-1)
    if (first === undefined || last === undefined) return null
    return { fromSeq: first.seq, toSeq: last.seq, count: found.length, at: first.at }
  }
}
