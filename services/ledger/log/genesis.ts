import { createHash } from 'node:crypto'
import canonicalize from 'canonicalize'

import { LedgerError } from '../error.ts'

/** The genesis record of a log, `genesis.json`: RFC 8785 JSON. Its hash is the `prev` of leaf 0, so every entry depends on it. */
export interface Genesis {
  readonly format: 'affidavit/log/v1'
  readonly log: string
  readonly topic: string
  readonly part: number
  readonly vkey: string
  /** The log of the period before and its final checkpoint; null for the first. */
  readonly previous: { readonly log: string; readonly checkpoint: string } | null
}

export function encodeGenesis(genesis: Genesis): Buffer {
  const text = canonicalize(genesis)
  if (text === undefined) throw new TypeError('a genesis record is an object')
  return Buffer.from(text)
}

export function genesisHash(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest()
}

export function decodeGenesis(bytes: Buffer, origin: string): Genesis {
  let value: Partial<Genesis>
  try {
    value = JSON.parse(bytes.toString('utf8')) as Partial<Genesis>
  } catch (cause) {
    throw new LedgerError('LEDGER_CORRUPT', `the genesis record of ${origin} is not JSON`, {
      cause,
    })
  }
  const { format, log, topic, part, vkey } = value
  if (
    format !== 'affidavit/log/v1' ||
    log !== origin ||
    typeof topic !== 'string' ||
    typeof part !== 'number' ||
    typeof vkey !== 'string'
  ) {
    throw new LedgerError(
      'LEDGER_CORRUPT',
      `the genesis record of ${origin} is of another log or of a format this program does not know`,
    )
  }
  return { format, log, topic, part, vkey, previous: value.previous ?? null }
}
