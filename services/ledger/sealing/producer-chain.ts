import { hash as digestOf } from 'node:crypto'

import { decodeEvent } from '../../../schemas/codec.ts'
import type { EventOutline } from '../../../schemas/event-outline.ts'
import type { AuditEvent, GapPart } from '../../../schemas/event.ts'
import type { GapReason } from '../../../schemas/leaf.ts'
import { NumbersGivenUp } from './numbers-given-up.ts'
import { RememberedHashes } from './remembered-hashes.ts'

/** An event as it was sealed. `value` is the bytes that the producer sent. */
export interface ChainedEvent {
  readonly outline: EventOutline
  readonly value: Buffer
  /** The ledger has an event of this id already: the same was sent twice. */
  readonly isRepeat?: boolean
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
/** No producer that goes on has lost so many events: what is so far ahead is not of its chain. */
const implausibleJump = 1_000_000
/** Keys told apart under one name. */
const mostKeys = 16

/**
 * Follows each producer's own numbering and hash chain over everything that was sealed, and finds what was lost or changed between
 * the producer and the ledger. A pure state machine: the same events and times give the same findings.
 *
 * Events of one producer may come by several partitions, so a number that jumps is a gap only when what is missing has not come
 * within the grace time. Repeats are ignored when they carry the same bytes; any other event under a number that was seen is found, as
 * when a spool was restored from a copy, or two edges have one name. A producer that starts again and goes on with its
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
  take({ outline, value, isRepeat = false }: ChainedEvent, nowMs: number): readonly GapPart[] {
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
    if (seq < producer.next && !goesBack(producer, seq, prev)) {
      const isUsed = !isRepeat && producer.givenUp.wasSeen(seq)
      if (isUsed) found.push(gap(outline.producer, seq, seq, 'number_used_twice'))
      return found
    }
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
      givenUp: new NumbersGivenUp(first),
      beforeJump: null,
      vkeys: new Set(),
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
    const { next, head } = producer
    found.push(gap(name, next, lowest - 1, 'missing'))
    producer.givenUp.add(next, lowest - 1)
    producer.beforeJump = head !== null && lowest - next > implausibleJump ? { next, head } : null
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
    const { vkeys } = producer
    if (!vkeys.has(seal.vkey)) {
      if (vkeys.size > 0) {
        found.push(gap(event.producer, event.producer_seq, event.producer_seq, 'seal_key_changed'))
      }
      const [oldest] = vkeys
      if (vkeys.size === mostKeys && oldest !== undefined) vkeys.delete(oldest)
      vkeys.add(seal.vkey)
    }
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
  readonly givenUp: NumbersGivenUp
  /** Where its chain was before a jump that is too far to be one. */
  beforeJump: { readonly next: number; readonly head: string } | null
  /** By which its seals came. */
  readonly vkeys: Set<string>
}

/**
 * One event with a number far ahead, which anybody who may write to the bus can send, would hide everything that the producer sends from
 * then on. So the event that goes on where the chain was takes it back there.
 */
function goesBack(producer: Producer, seq: number, prev: string): boolean {
  const { beforeJump } = producer
  if (beforeJump?.next !== seq || beforeJump.head !== prev) return false
  producer.next = beforeJump.next
  producer.head = beforeJump.head
  producer.beforeJump = null
  producer.waiting.clear()
  producer.givenUp.takeBack()
  return true
}

interface WaitingEvent {
  readonly hash: string
  readonly prev: string
  readonly seenMs: number
}

function gap(producer: string, fromSeq: number, toSeq: number, reason: GapReason): GapPart {
  return { producer, from_seq: fromSeq, to_seq: toSeq, reason, records: null }
}
