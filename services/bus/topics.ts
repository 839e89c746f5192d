/** The topics of the product. What flows on each is said in DESIGN terms in ARCHITECTURE.md. */
export const topics = {
  /** Every event of every producer, Avro in Confluent framing, keyed by session (or by producer where there is none). */
  auditEvents: 'audit.events',
  /** The same bytes, with the headers of `sealedHeaders`. */
  ledgerSealed: 'ledger.sealed',
  /** From the api to the edges, signed; the newest record of a key counts. */
  controlUpdates: 'control.updates',
} as const

/** Header names of a record on `ledger.sealed`. */
export const sealedHeaders = {
  log: 'affidavit-log',
  position: 'affidavit-position',
  leafHash: 'affidavit-leaf-hash',
  /** Only on a record that was sealed as mere bytes: why, and the `topic/partition/offset` it came from. */
  quarantined: 'affidavit-quarantined',
  source: 'affidavit-source',
} as const
