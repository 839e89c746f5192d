/**
 * The ledger leaf, format version 1: RFC 8785 (JCS) JSON of at most 65,535 bytes. It is an envelope; the payload lives beside the
 * hash path and is bound by `com`. Times are RFC 3339 in UTC with microseconds. Nothing in a leaf says anything about a person.
 */

const leafVersion = 1
/** A C2SP entry bundle prefixes each entry with a uint16. */
export const maxLeafBytes = 65_535

export type Leaf = GenesisLeaf | EventLeaf | LossLeaf

interface LeafBase {
  readonly v: typeof leafVersion
  /** The log's origin. */
  readonly log: string
  readonly seq: number
  /** Leaf hash of `seq` - 1, base64; of a genesis leaf the SHA-256 of genesis.json. */
  readonly prev: string
  /** Ledger time. Never decreases within a log. */
  readonly rt: string
}

/** Leaf 0. */
export interface GenesisLeaf extends LeafBase {
  readonly type: 'genesis'
  /** The vkey that signs the log's checkpoints. */
  readonly vkey: string
  readonly topic: string
  readonly part: number
}

export interface EventLeaf extends LeafBase {
  readonly type: 'event'
  readonly topic: string
  readonly part: number
  readonly off: number
  /** The offset taken before this one; -1 for the first. Offsets need not be dense, so a jump is legal but visible. */
  readonly poff: number
  /** Leader epoch, -1 where the bus has none. */
  readonly lepoch: number
  /** The event's id; empty for bytes that could not be decoded. */
  readonly evt: string
  /** Event time, empty for bytes that could not be decoded. */
  readonly et: string
  readonly prod: string
  readonly pseq: number
  /** Content type and schema id. */
  readonly cty: string
  readonly csz: number
  /** SHA-256(0x10 ‖ salt32 ‖ payload), base64. */
  readonly com: string
  /** Index terms that survive erasure. */
  readonly ix: IndexTerms
  /** Position of the first copy, when the producer's retry brought the event twice. */
  readonly dupOf?: number
}

/** Whether the record is an event of ours. One that was set aside is sealed as the bytes it is, which may look like an event. */
export function holdsEvent(leaf: Leaf): boolean {
  return leaf.type === 'event' && leaf.ix.type !== 'quarantined'
}

export interface IndexTerms {
  /** The event type, or `quarantined` for a record that is no event of ours. */
  readonly type: string
  /** How it ended; of a quarantined record why it was set aside, a `QuarantineReason`. */
  readonly outcome?: string
}

/** Why a record is sealed as mere bytes, in words that go on from "because". */
const quarantineReasons = {
  no_frame: 'it does not begin with 0x00 and a schema id',
  unknown_schema: 'its schema id is none of ours',
  truncated: 'it ends before its last field does',
  trailing_bytes: 'bytes follow its last field',
  not_an_event: 'its body has something that its schema has no place for',
  out_of_bounds: 'its time, number, id or producer is out of bounds',
  key_too_long: 'its key is longer than 65,535 bytes',
  wrong_key: 'its key is not that of its session or producer',
  wrong_partition: 'its key belongs to another partition',
} as const

export type QuarantineReason = keyof typeof quarantineReasons

/** Why offsets are missing. */
const lossReasons = {
  below_low_watermark: 'the bus had deleted it before it was sealed',
  offsets_missing: 'the bus did not give it',
} as const

export type LossReason = keyof typeof lossReasons

/** What is wrong with the events of a producer, as a `gap.detected` says it. */
const gapReasons = {
  missing: 'they never reached the ledger',
  number_used_twice:
    'other events had these numbers before: the spool was set back to an older copy, two run under one name, or somebody else sent them',
  chain_broken:
    'the later one names another event before it: one was changed, or sent by somebody else',
  seal_invalid:
    'the signature over the chain does not hold: it was changed, or made by somebody else',
  seal_key_changed:
    'signed by another key than before: the key was replaced, or two run under one name',
  seal_of_other_bytes: 'the producer has signed another event under this number than was sealed',
} as const

export type GapReason = keyof typeof gapReasons

/** A `QuarantineReason`, `LossReason` or `GapReason` in words; a code of another release stays as it is. */
export function reasonWords(reason: string): string {
  return wordsOfReason.get(reason) ?? reason.replaceAll('_', ' ')
}

const wordsOfReason: ReadonlyMap<string, string> = new Map(
  Object.entries({ ...quarantineReasons, ...lossReasons, ...gapReasons }),
)

/** Records that the bus lost before we could read them. */
export interface LossLeaf extends LeafBase {
  readonly type: 'loss'
  readonly topic: string
  readonly part: number
  /** The offsets [from, to) that are missing. */
  readonly from: number
  readonly to: number
  readonly reason: string
}

/** The entry's bytes. A serializer for these shapes only, several times faster than a general JCS. */
export function encodeLeaf(leaf: Leaf): Buffer {
  const bytes = Buffer.from(leafJson(leaf))
  if (bytes.length > maxLeafBytes) {
    throw new RangeError(`a leaf of ${bytes.length} bytes is over the ${maxLeafBytes} of an entry`)
  }
  return bytes
}

// Members stand in the order of their names, as RFC 8785 wants.
function leafJson(leaf: Leaf): string {
  const head = `"log":${text(leaf.log)}`
  const tail = `"prev":${text(leaf.prev)}`
  switch (leaf.type) {
    case 'genesis':
      return `{${head},"part":${leaf.part},${tail},"rt":${text(leaf.rt)},"seq":${leaf.seq},"topic":${text(leaf.topic)},"type":"genesis","v":1,"vkey":${text(leaf.vkey)}}`
    case 'event': {
      const dupOf = leaf.dupOf === undefined ? '' : `"dupOf":${leaf.dupOf},`
      return `{"com":${text(leaf.com)},"csz":${leaf.csz},"cty":${text(leaf.cty)},${dupOf}"et":${text(leaf.et)},"evt":${text(leaf.evt)},"ix":${indexTerms(leaf.ix)},"lepoch":${leaf.lepoch},${head},"off":${leaf.off},"part":${leaf.part},"poff":${leaf.poff},${tail},"prod":${text(leaf.prod)},"pseq":${leaf.pseq},"rt":${text(leaf.rt)},"seq":${leaf.seq},"topic":${text(leaf.topic)},"type":"event","v":1}`
    }
    case 'loss':
      return `{"from":${leaf.from},${head},"part":${leaf.part},${tail},"reason":${text(leaf.reason)},"rt":${text(leaf.rt)},"seq":${leaf.seq},"to":${leaf.to},"topic":${text(leaf.topic)},"type":"loss","v":1}`
  }
}

function indexTerms(ix: IndexTerms): string {
  const outcome = ix.outcome === undefined ? '' : `"outcome":${text(ix.outcome)},`
  return `{${outcome}"type":${text(ix.type)}}`
}

// JSON.stringify writes strings as RFC 8785 asks, except for lone surrogates, which RFC 8785 forbids.
function text(value: string): string {
  return JSON.stringify(value.isWellFormed() ? value : value.toWellFormed())
}

export class LeafError extends Error {
  override readonly name = 'LeafError'
}

/** The leaf in these bytes. Throws `LeafError` when they are not exactly what `encodeLeaf` writes. */
export function decodeLeaf(bytes: Buffer): Leaf {
  let leaf: Leaf
  try {
    leaf = JSON.parse(bytes.toString('utf8')) as Leaf
  } catch (cause) {
    throw new LeafError('the entry is not JSON', { cause })
  }
  let again: Buffer
  try {
    again = encodeLeaf(leaf)
  } catch (cause) {
    throw new LeafError('the entry is not a leaf of version 1', { cause })
  }
  if (!again.equals(bytes)) throw new LeafError('the entry is not the canonical form of a leaf')
  return leaf
}
