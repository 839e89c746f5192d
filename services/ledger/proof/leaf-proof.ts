import type { Leaf } from '../../../schemas/leaf.ts'
import { LeafError, decodeLeaf } from '../../../schemas/leaf.ts'
import type { Checkpoint } from './checkpoint.ts'
import { ProofError } from './error.ts'
import { verifyTlogProof } from './tlog-proof.ts'
import type { TlogProof } from './tlog-proof.ts'

export interface ProvenLeaf {
  readonly leaf: Leaf
  /** What covers it. */
  readonly checkpoint: Checkpoint
}

/**
 * The leaf in these bytes, once the proof holds and the leaf itself names this log and this position. Stricter than the format
 * asks: equal bytes at another place of another log would pass there.
 */
export function verifyLeafProof(proof: TlogProof, entry: Buffer, vkey: string): ProvenLeaf {
  const checkpoint = verifyTlogProof(proof, entry, vkey)
  const leaf = readLeaf(entry)
  if (leaf.log !== checkpoint.origin || leaf.seq !== proof.index) {
    throw new ProofError(
      'PROOF_LEAF_DIFFERS',
      `entry ${proof.index} of ${checkpoint.origin} says that it is entry ${leaf.seq} of ${leaf.log}`,
    )
  }
  return { leaf, checkpoint }
}

function readLeaf(entry: Buffer): Leaf {
  try {
    return decodeLeaf(entry)
  } catch (cause) {
    if (!(cause instanceof LeafError)) throw cause
    throw new ProofError('PROOF_LEAF_DIFFERS', cause.message, { cause })
  }
}
