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

export interface IndexTerms {
  /** The event type, or `quarantined` for bytes that are not an event. */
  readonly type: string
  readonly outcome?: string
}

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
