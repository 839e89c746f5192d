/** Bounds of one edge. Every buffer and map of a session is bounded by one of these. */
export interface PostgresLimits {
  /** Sessions at a time; more are answered with 53300. */
  readonly maxSessions: number
  /** Sessions that wait for an approval at a time; more are refused at once, so that there is always room for those that work. */
  readonly maxWaiting: number
  /** What a client may send behind a request that waits, the request itself included; beyond it, it is refused. */
  readonly maxWaitingBytes: number
  /** From the first byte to the end of authentication. */
  readonly handshakeMs: number
  /** Part of that: to connect and sign in to the target. */
  readonly targetMs: number
  /** PostgreSQL's own limit. */
  readonly maxMessageBytes: number
  /** Longer statements are refused: parsing them would stop every other session. */
  readonly maxStatementBytes: number
  /** Longer Bind messages are refused. */
  readonly maxBindBytes: number
  /** A message of the target that must be read whole. */
  readonly maxReplyBytes: number
  /** Rows and COPY data longer than this are relayed in parts. */
  readonly passThroughBytes: number
  /**
   * Messages a client may have in flight before the edge stops reading from it. Not below 2,000: within a batch a target sends
   * its replies only when it has 8 KiB of them, and the shortest has 5 bytes.
   */
  readonly maxInFlight: number
  /** Prepared statements and portals of one session, by name. */
  readonly maxNames: number
  /** Texts whose verdict a session remembers, in bytes. */
  readonly verdictCacheBytes: number
  /** A parameter is recorded up to this size; beyond, cut and with its digest. */
  readonly recordedParameterBytes: number
  /** A recorded result up to this size comes inside `request.completed`. */
  readonly inlineResultBytes: number
  /** Longer recorded results come in events of about this size. */
  readonly recordedChunkBytes: number
}

export const defaultLimits: PostgresLimits = {
  maxSessions: 1_000,
  maxWaiting: 100,
  maxWaitingBytes: 512 * 1024,
  handshakeMs: 15_000,
  targetMs: 10_000,
  maxMessageBytes: 0x3fffffff,
  maxStatementBytes: 256 * 1024,
  maxBindBytes: 16 * 1024 * 1024,
  maxReplyBytes: 32 * 1024 * 1024,
  passThroughBytes: 64 * 1024,
  maxInFlight: 4_096,
  maxNames: 4_096,
  verdictCacheBytes: 512 * 1024,
  recordedParameterBytes: 16 * 1024,
  inlineResultBytes: 16 * 1024,
  recordedChunkBytes: 32 * 1024,
}
