/**
 * The payloads of one log, found by position, outside the hash path. Each is encrypted under the data key of its subject (the
 * session, or the producer where there is none); destroying that key erases the subject's payloads, salts and keys for good.
 */
export interface PayloadStore extends AsyncDisposable {
  /**
   * Stores payloads of rising positions, durably. Called before their entries are committed, so that no entry is without
   * its payload. A rejection means that the outcome is unknown.
   */
  put(payloads: readonly NewPayload[]): Promise<void>
  /** Those stored for the positions [from, to), in order; null for erased ones. Throws `LEDGER_PAYLOAD_DAMAGED`. */
  get(from: number, to: number): Promise<ReadonlyMap<number, Payload | null>>
  /** Why `get` does not have this position: where an operator has to look. */
  explainMissing(position: number): Promise<string>
  /** Destroys the data keys of a subject. Says whether there was one. */
  erase(subject: string): Promise<boolean>
  /**
   * Removes payloads at and beyond `size`, whose entries were never committed. Throws `LEDGER_CORRUPT`, and changes nothing, when
   * the payload of the entry `last` is not there: the last one that must be, -1 for none.
   */
  cut(size: number, last: number): Promise<void>
}

export interface Payload {
  readonly salt: Buffer
  /** The key of the record on the bus. */
  readonly key: Buffer
  /** The value of the record on the bus. */
  readonly value: Buffer
}

export interface NewPayload extends Payload {
  readonly position: number
  readonly subject: string
  /** Set where the record is no event. Not stored here, since the leaf says it. */
  readonly quarantine?: Quarantine
}

/** Why a record was sealed as bytes that are no event, and where it stood. */
export interface Quarantine {
  readonly reason: string
  /** `topic/partition/offset` */
  readonly source: string
}
