import { hash as digestOf } from 'node:crypto'

import { decodeEvent } from '../../../schemas/codec.ts'
import type { EventOutline } from '../../../schemas/event-outline.ts'
import type { AuditEvent, GapPart } from '../../../schemas/event.ts'

/** An event as it was sealed. `value` is the bytes that the producer sent. */
export interface ChainedEvent {
  readonly outline: EventOutline
  readonly value: Buffer
}

export interface ProducerChainOptions {
  /** Whether an `edge.sealed` signature is good. */
  verifySeal(event: AuditEvent): boolean
  /** Every event there ever was is taken, so a producer that does not begin with 0 has lost what came before. Default false. */
  readonly seesBeginning?: boolean
  /** How long a missing event may still come on another partition. */
  readonly graceMs: number
  /** Events kept per producer while an earlier one is missing. Beyond it the earlier one counts as lost. Default 4,096. */
  readonly maxWaiting?: number
}

/** Hashes are kept as strings of 32 characters: such a one takes a third of the time of a Buffer to make, and compares as fast. */
const zeros = '\0'.repeat(32)
/** Hashes kept per producer, so that repeats and late signatures can be checked. */
const rememberedHashes = 4096
/** Room that a producer gets at first; it doubles as it fills. Both are powers of two. */
const fewHashes = 16
const hashBytes = 32

/**
 * Follows each producer's own numbering and hash chain over everything that was sealed, and finds what was lost or changed between
 * the producer and the ledger. A pure state machine: the same events and times give the same findings.
 *
 * Events of one producer may come by several partitions, so a number that jumps is a gap only when what is missing has not come
 * within the grace time. Repeats are ignored when they carry the same bytes. A producer that starts again and goes on with its
 * numbers is no gap; nor is the first event that this machine sees of a producer, unless it sees the beginning of everything.
 */
export class ProducerChain {
  readonly #options: ProducerChainOptions
  readonly #producers = new Map<string, Producer>()
  /** The one that was asked for last: events of one come in runs. */
  #last: { readonly name: string; readonly producer: Producer } | null = null

  constructor(options: ProducerChainOptions) {
    this.#options = options
  }

  /** Takes a sealed event; returns what it shows to be lost or changed. */
  take({ outline, value }: ChainedEvent, nowMs: number): readonly GapPart[] {
    const found: GapPart[] = []
    const producer = this.#producer(outline)
    const seq = outline.producerSeq
    const hash = digestOf('sha256', value, 'binary')
    const { prev } = outline
    if (seq === producer.next && producer.waiting.size === 0) {
      this.#follow(outline.producer, producer, seq, hash, prev, found)
      if (outline.type === 'edge.sealed') this.#checkSeal(decodeEvent(value), producer, found)
      return found
    }
    const known = producer.hashes.get(seq) ?? producer.waiting.get(seq)?.hash
    if (known !== undefined) {
      if (known !== hash) found.push(gap(outline.producer, seq, seq, 'number_used_twice'))
      return found
    }
    // Sealed before this machine began or before what it remembers.
    if (seq < producer.next) return found
    producer.waiting.set(seq, { hash, prev, seenMs: nowMs })
    this.#advance(outline.producer, producer, found)
    if (producer.waiting.size > (this.#options.maxWaiting ?? 4096)) {
      this.#giveUp(outline.producer, producer, found)
    }
    if (outline.type === 'edge.sealed') this.#checkSeal(decodeEvent(value), producer, found)
    return found
  }

  /** Returns the gaps whose grace time has passed. To be called about every second. */
  expire(nowMs: number): readonly GapPart[] {
    const found: GapPart[] = []
    const { graceMs } = this.#options
    for (const [name, producer] of this.#producers) {
      for (;;) {
        const oldest = producer.waiting.values().next()
        if (oldest.done === true || nowMs - oldest.value.seenMs < graceMs) break
        this.#giveUp(name, producer, found)
      }
    }
    return found
  }

  #producer(outline: EventOutline): Producer {
    const name = outline.producer
    if (this.#last?.name === name) return this.#last.producer
    const producer = this.#producers.get(name) ?? this.#begin(outline)
    this.#last = { name, producer }
    return producer
  }

  #begin(outline: EventOutline): Producer {
    const first = this.#options.seesBeginning === true ? 0 : outline.producerSeq
    const producer: Producer = {
      next: first,
      head: first === 0 ? zeros : null,
      hashes: new RememberedHashes(first),
      waiting: new Map(),
      vkey: null,
    }
    this.#producers.set(outline.producer, producer)
    return producer
  }

  #advance(name: string, producer: Producer, found: GapPart[]): void {
    for (;;) {
      const event = producer.waiting.get(producer.next)
      if (event === undefined) return
      producer.waiting.delete(producer.next)
      this.#follow(name, producer, producer.next, event.hash, event.prev, found)
    }
  }

  /** The event that comes next in the chain. */
  #follow(
    name: string,
    producer: Producer,
    seq: number,
    hash: string,
    prev: string,
    found: GapPart[],
  ): void {
    if (producer.head !== null && producer.head !== prev) {
      found.push(gap(name, seq === 0 ? 0 : seq - 1, seq, 'chain_broken'))
    }
    producer.head = hash
    producer.next = seq + 1
    producer.hashes.add(seq, hash)
  }

  // What is missing before the lowest waiting event counts as lost.
  #giveUp(name: string, producer: Producer, found: GapPart[]): void {
    let lowest = Infinity
    for (const seq of producer.waiting.keys()) lowest = Math.min(lowest, seq)
    if (lowest === Infinity) return
    found.push(gap(name, producer.next, lowest - 1, 'missing'))
    producer.next = lowest
    producer.head = null
    this.#advance(name, producer, found)
  }

  #checkSeal(event: AuditEvent, producer: Producer, found: GapPart[]): void {
    const { seal } = event
    if (seal === null || !this.#options.verifySeal(event)) {
      found.push(gap(event.producer, event.producer_seq, event.producer_seq, 'seal_invalid'))
      return
    }
    // A producer keeps its key; another one under the same name is another producer.
    if (producer.vkey !== null && producer.vkey !== seal.vkey) {
      found.push(gap(event.producer, event.producer_seq, event.producer_seq, 'seal_key_changed'))
    }
    producer.vkey = seal.vkey
    const sealed = producer.hashes.get(seal.head_seq) ?? producer.waiting.get(seal.head_seq)?.hash
    if (sealed !== undefined && sealed !== seal.head_sha256.toString('latin1')) {
      found.push(gap(event.producer, seal.head_seq, seal.head_seq, 'seal_of_other_bytes'))
    }
  }
}

interface Producer {
  /** The number that comes next; all before it were seen or given up. */
  next: number
  /** Hash of the bytes of `next` - 1; null when it was never seen. */
  head: string | null
  readonly hashes: RememberedHashes
  /** Seen, but with something missing before, in order of arrival. */
  readonly waiting: Map<number, WaitingEvent>
  vkey: string | null
}

/**
 * The last hashes by their numbers, in a ring of bytes: strings that live this long are copied and walked through by the garbage
 * collector again and again.
 */
class RememberedHashes {
  readonly #first: number
  readonly #numbers: number[] = []
  #hashes = Buffer.alloc(fewHashes * hashBytes)

  constructor(first: number) {
    this.#first = first
  }

  /** Numbers rise. */
  add(number: number, hash: string): void {
    const slot = (number - this.#first) % rememberedHashes
    // Numbers that were given up leave no holes.
    while (this.#numbers.length < slot) this.#numbers.push(-1)
    this.#numbers[slot] = number
    const at = slot * hashBytes
    while (at >= this.#hashes.length) {
      this.#hashes = Buffer.concat([this.#hashes, Buffer.alloc(this.#hashes.length)])
    }
    this.#hashes.write(hash, at, 'latin1')
  }

  get(number: number): string | undefined {
    const slot = (number - this.#first) % rememberedHashes
    if (this.#numbers[slot] !== number) return undefined
    return this.#hashes.toString('latin1', slot * hashBytes, (slot + 1) * hashBytes)
  }
}

interface WaitingEvent {
  readonly hash: string
  readonly prev: string
  readonly seenMs: number
}

function gap(producer: string, fromSeq: number, toSeq: number, reason: string): GapPart {
  return { producer, from_seq: fromSeq, to_seq: toSeq, reason, records: null }
}
