export type ProofErrorCode =
  | 'PROOF_INPUT_INVALID'
  | 'PROOF_INCLUSION_FAILED'
  | 'PROOF_CONSISTENCY_FAILED'
  | 'PROOF_NOTE_MALFORMED'
  | 'PROOF_KEY_MALFORMED'
  | 'PROOF_SIGNATURE_INVALID'
  | 'PROOF_KEY_UNKNOWN'
  | 'PROOF_CHECKPOINT_MALFORMED'
  | 'PROOF_ORIGIN_DIFFERS'
  | 'PROOF_TILE_MALFORMED'
  | 'PROOF_PROOF_MALFORMED'
  | 'PROOF_LEAF_DIFFERS'

export class ProofError extends Error {
  override readonly name = 'ProofError'
  readonly code: ProofErrorCode

  constructor(code: ProofErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
