import { openCheckpoint } from './checkpoint.ts'
import type { Checkpoint } from './checkpoint.ts'
import { ProofError } from './error.ts'
import { leafHash } from './hash.ts'
import { verifyInclusion } from './inclusion.ts'
import { strictBase64 } from './note.ts'

/** `c2sp.org/tlog-proof@v1`: that an entry is in a log, with the signed checkpoint that says so. Checked without any network. */
export interface TlogProof {
  readonly index: number
  /** From the leaf's sibling upward. */
  readonly path: readonly Buffer[]
  /** The signed note. */
  readonly checkpoint: string
}

const header = 'c2sp.org/tlog-proof@v1'
const longestPath = 63

export function formatTlogProof({ index, path, checkpoint }: TlogProof): string {
  const hashes = path.map((hash) => `${hash.toString('base64')}\n`).join('')
  return `${header}\nindex ${index}\n${hashes}\n${checkpoint}`
}

export function parseTlogProof(text: string): TlogProof {
  const malformed = (why: string): ProofError =>
    new ProofError('PROOF_PROOF_MALFORMED', `not a tlog-proof: ${why}`)
  const end = text.indexOf('\n\n')
  if (end < 0) throw malformed('no empty line separates path and checkpoint')
  const [first, ...lines] = text.slice(0, end).split('\n')
  if (first !== header) throw malformed(`it does not begin with ${header}`)
  // An extra line is signed by nobody: passed over, never trusted.
  if (lines[0]?.startsWith('extra ') === true) lines.shift()
  const [, decimal] = /^index (0|[1-9][0-9]{0,15})$/.exec(lines.shift() ?? '') ?? []
  const index = Number(decimal)
  if (decimal === undefined || !Number.isSafeInteger(index)) throw malformed('it names no index')
  if (lines.length > longestPath) throw malformed('the path is too long')
  const path = lines.map((line) => {
    const hash = strictBase64(line)
    if (hash?.length !== 32) throw malformed('a line of the path is not a hash')
    return hash
  })
  return { index, path, checkpoint: text.slice(end + 2) }
}

/** The checkpoint that covers this entry. Throws when the signature, the index or the path does not hold. */
export function verifyTlogProof(proof: TlogProof, entry: Uint8Array, vkey: string): Checkpoint {
  const checkpoint = openCheckpoint(proof.checkpoint, vkey)
  verifyInclusion(leafHash(entry), proof.index, checkpoint.size, proof.path, checkpoint.root)
  return checkpoint
}
