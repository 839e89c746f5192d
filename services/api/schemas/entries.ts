import { Type } from 'typebox'

import { nullable } from './nullable.ts'

/** Rows as they went to the client, in text where the protocol sent text, else hex with the prefix `\x`. */
export const RecordedResult = Type.Object({
  /** One for each statement of the request that answered rows. */
  results: Type.Array(
    Type.Object({
      columns: Type.Array(Type.Object({ name: Type.String(), typeOid: Type.Number() })),
      rows: Type.Array(Type.Array(nullable(Type.String()))),
    }),
  ),
  /** True when the result went on beyond what is recorded. */
  truncated: Type.Boolean(),
  /** COPY data, where the result was that. */
  copy: nullable(Type.String()),
})

/** A sealed entry with its event, for reading. The proof is over `leafBase64`. */
export const EntryView = Type.Object({
  log: Type.String(),
  position: Type.Number(),
  leaf: Type.Unknown(),
  leafBase64: Type.String(),
  leafHash: Type.String({ description: 'base64' }),
  /** The sealed bytes and the salt of the leaf's commitment to them; null when they were erased or there are none. */
  payloadBase64: nullable(Type.String()),
  saltBase64: nullable(Type.String()),
  /** The decoded event with bytes in hex; null when it was erased or is not an event. */
  event: Type.Unknown(),
  statement: nullable(Type.String()),
  parameters: Type.Array(
    Type.Object({ format: Type.Number(), value: nullable(Type.String()), bytes: Type.Number() }),
  ),
  result: nullable(RecordedResult),
})

export const ProofView = Type.Object({
  log: Type.String(),
  position: Type.Number(),
  size: Type.Number(),
  leafBase64: Type.String(),
  leafHash: Type.String({ description: 'base64' }),
  /** From the leaf's sibling upward, base64. */
  path: Type.Array(Type.String()),
  root: Type.String({ description: 'base64' }),
  /** The signed checkpoint. */
  checkpoint: Type.String(),
  vkey: Type.String(),
  /** The same as c2sp.org/tlog-proof@v1. */
  tlogProof: Type.String(),
})

export const LogList = Type.Object({
  logs: Type.Array(
    Type.Object({
      origin: Type.String(),
      size: Type.Number(),
      root: Type.String({ description: 'base64' }),
      checkpoint: Type.String(),
      vkey: Type.String(),
      signedAtMs: Type.Number(),
    }),
  ),
})

export const EntryParameters = Type.Object({ position: Type.Integer({ minimum: 0 }) })
export const LogQuery = Type.Object({ log: Type.String({ minLength: 1, maxLength: 300 }) })
