import { ProofError } from './error.ts'
import { openNote, parseNote, parseVkey, signNote, strictBase64 } from './note.ts'
import type { Signer, VerifierKey } from './note.ts'

/** The head of a log (C2SP tlog-checkpoint): origin, size and root, one a line, in a signed note. */
export interface Checkpoint {
  readonly origin: string
  readonly size: number
  readonly root: Buffer
}

export function formatCheckpoint(checkpoint: Checkpoint): string {
  return `${checkpoint.origin}\n${checkpoint.size}\n${checkpoint.root.toString('base64')}\n`
}

/** The origin is the name of the signer's key, as C2SP recommends and several verifiers demand. */
export function signCheckpoint(checkpoint: Checkpoint, signer: Signer): Promise<string> {
  if (checkpoint.origin !== signer.name) {
    throw new ProofError(
      'PROOF_ORIGIN_DIFFERS',
      `the key ${signer.name} does not sign for ${checkpoint.origin}`,
    )
  }
  return signNote(formatCheckpoint(checkpoint), signer)
}

/** The checkpoint in a note whose signature one of the keys made. */
export function openCheckpoint(note: string, vkey: string | VerifierKey): Checkpoint {
  const key = typeof vkey === 'string' ? parseVkey(vkey) : vkey
  const checkpoint = parseCheckpoint(openNote(note, [key]).text)
  if (checkpoint.origin !== key.name) {
    throw new ProofError(
      'PROOF_ORIGIN_DIFFERS',
      `the key ${key.name} signed for ${checkpoint.origin}`,
    )
  }
  return checkpoint
}

/** Reads a checkpoint's text without looking at who signed it. */
export function readUnverifiedCheckpoint(note: string): Checkpoint {
  return parseCheckpoint(parseNote(note).text)
}

/** Exactly three lines: extension lines are refused, since not every cosignature covers them. */
export function parseCheckpoint(text: string): Checkpoint {
  const malformed = (why: string): ProofError =>
    new ProofError('PROOF_CHECKPOINT_MALFORMED', `not a checkpoint: ${why}`)
  const lines = text.split('\n')
  if (lines.length !== 4 || lines[3] !== '') throw malformed('it does not have three lines')
  const [origin = '', decimal = '', encoded = ''] = lines
  if (origin === '') throw malformed('the origin is empty')
  if (!/^(0|[1-9][0-9]{0,15})$/.test(decimal)) throw malformed('the size is not a decimal number')
  const size = Number(decimal)
  if (!Number.isSafeInteger(size)) throw malformed('the size is too large')
  const root = strictBase64(encoded)
  if (root?.length !== 32) throw malformed('the root is not 32 bytes in base64')
  return { origin, size, root }
}
