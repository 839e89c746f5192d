import { createPrivateKey, createPublicKey, hash, sign, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

import { ProofError } from './error.ts'

/**
 * Signed notes (C2SP signed-note v1): text, an empty line, then lines of `— name base64(key id ‖ signature)`. Only Ed25519
 * (type 0x01) is signed and checked here; signatures of other types and of unknown keys are passed over.
 */

const ed25519Type = 1
const mostSignatures = 64
const longestNote = 1_000_000
const privatePrefix = Buffer.from('302e020100300506032b657004220420', 'hex')
const publicPrefix = Buffer.from('302a300506032b6570032100', 'hex')

/** Signs with an Ed25519 key that has a name. The key may live elsewhere, so signing may take a while. */
export interface Signer {
  readonly name: string
  /** `name+hex(key id)+base64(type ‖ public key)`. */
  readonly vkey: string
  /** 32 bytes. */
  readonly publicKey: Buffer
  sign(message: Buffer): Buffer | Promise<Buffer>
}

/** A signer from a 32-byte seed. */
export function ed25519Signer(name: string, seed: Buffer): Signer {
  requireName(name)
  if (seed.length !== 32)
    throw new ProofError('PROOF_KEY_MALFORMED', 'an Ed25519 seed has 32 bytes')
  const key = createPrivateKey({
    key: Buffer.concat([privatePrefix, seed]),
    format: 'der',
    type: 'pkcs8',
  })
  const der = createPublicKey(key).export({ format: 'der', type: 'spki' })
  const publicKey = der.subarray(publicPrefix.length)
  return {
    name,
    publicKey,
    vkey: formatVkey(name, publicKey),
    sign: (message) => sign(null, message, key),
  }
}

export interface VerifierKey {
  readonly name: string
  readonly keyId: Buffer
  readonly publicKey: Buffer
  readonly key: KeyObject
}

export function formatVkey(name: string, publicKey: Uint8Array): string {
  const typed = Buffer.concat([Buffer.of(ed25519Type), publicKey])
  return `${name}+${keyIdOf(name, typed).toString('hex')}+${typed.toString('base64')}`
}

export function parseVkey(vkey: string): VerifierKey {
  const [, name, id, encoded] = /^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/.exec(vkey) ?? []
  if (name === undefined || id === undefined || encoded === undefined) {
    throw new ProofError('PROOF_KEY_MALFORMED', 'a verifier key is name+8 hex digits+base64')
  }
  requireName(name)
  const typed = strictBase64(encoded)
  if (typed === null || typed.length !== 33 || typed[0] !== ed25519Type) {
    throw new ProofError('PROOF_KEY_MALFORMED', `the verifier key of ${name} is not an Ed25519 key`)
  }
  const keyId = keyIdOf(name, typed)
  if (keyId.toString('hex') !== id) {
    throw new ProofError('PROOF_KEY_MALFORMED', `the key id of ${name} does not fit its key`)
  }
  const publicKey = typed.subarray(1)
  const key = createPublicKey({
    key: Buffer.concat([publicPrefix, publicKey]),
    format: 'der',
    type: 'spki',
  })
  return { name, keyId, publicKey, key }
}

interface NoteSignature {
  readonly name: string
  readonly keyId: Buffer
  readonly signature: Buffer
}

export interface Note {
  /** Ends in a line feed. */
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

/** Signs `text`, which ends in a line feed. */
export async function signNote(text: string, signer: Signer): Promise<string> {
  if (!text.endsWith('\n') || /[^\P{Cc}\n]/u.test(text) || !text.isWellFormed()) {
    throw new ProofError(
      'PROOF_NOTE_MALFORMED',
      'the text of a note is lines without control characters',
    )
  }
  const { name, keyId, key } = parseVkey(signer.vkey)
  const signature = await signer.sign(Buffer.from(text))
  // Before anybody relies on it: the key may be held by another program.
  if (name !== signer.name || !verify(null, Buffer.from(text), key, signature)) {
    throw new ProofError(
      'PROOF_SIGNATURE_INVALID',
      `the signer of ${signer.name} did not sign with ${signer.vkey}`,
    )
  }
  return `${text}\n\u2014 ${signer.name} ${Buffer.concat([keyId, signature]).toString('base64')}\n`
}

/** Takes a note apart without checking its signatures. The last empty line separates text and signatures. */
export function parseNote(note: string): Note {
  const malformed = (why: string): ProofError =>
    new ProofError('PROOF_NOTE_MALFORMED', `not a signed note: ${why}`)
  if (note.length > longestNote) throw malformed('it is too long')
  if (!note.isWellFormed()) throw malformed('it is not valid Unicode')
  if (/[^\P{Cc}\n]/u.test(note)) throw malformed('it holds a control character')
  const separator = note.lastIndexOf('\n\n')
  if (separator < 0) throw malformed('no empty line separates text and signatures')
  const block = note.slice(separator + 2)
  if (!block.endsWith('\n')) throw malformed('the last line does not end')
  const lines = block.slice(0, -1).split('\n')
  if (lines.length > mostSignatures)
    throw malformed(`it has more than ${mostSignatures} signatures`)
  const signatures = lines.map((line): NoteSignature => {
    const [, name, encoded] = /^\u2014 ([^+\s]+) (\S+)$/u.exec(line) ?? []
    const bytes = encoded === undefined ? null : strictBase64(encoded)
    if (name === undefined || bytes === null || bytes.length < 5)
      throw malformed('a signature line is not as it should be')
    return { name, keyId: bytes.subarray(0, 4), signature: bytes.subarray(4) }
  })
  return { text: note.slice(0, separator + 1), signatures }
}

/**
 * The note, once at least one of these keys has signed it. Signatures of unknown keys are passed over; a signature of a known key
 * that does not verify makes the whole note invalid.
 */
export function openNote(note: string, keys: readonly VerifierKey[]): Note {
  const parsed = parseNote(note)
  const text = Buffer.from(parsed.text)
  let isSigned = false
  for (const { name, keyId, signature } of parsed.signatures) {
    const known = keys.find((key) => key.name === name && key.keyId.equals(keyId))
    if (known === undefined) continue
    if (!verify(null, text, known.key, signature)) {
      throw new ProofError('PROOF_SIGNATURE_INVALID', `the signature of ${name} does not verify`)
    }
    isSigned = true
  }
  if (!isSigned)
    throw new ProofError('PROOF_KEY_UNKNOWN', 'none of the expected keys signed this note')
  return parsed
}

function keyIdOf(name: string, typed: Uint8Array): Buffer {
  return hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), typed]), 'buffer').subarray(0, 4)
}

function requireName(name: string): void {
  if (name === '' || /[\s+]/u.test(name) || !name.isWellFormed()) {
    throw new ProofError('PROOF_KEY_MALFORMED', 'the name of a key has no spaces and no +')
  }
}

/** Decodes base64 only in its one canonical form. */
export function strictBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : null
}
