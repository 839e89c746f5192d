import { areEqual, concatenate, fromBase64, sha256 } from './hashing.ts'

/** A C2SP checkpoint: origin, size and root, one a line, then an empty line and signatures, each of which ends with a line feed. */
export interface SignedCheckpoint {
  readonly origin: string
  readonly size: number
  readonly root: Uint8Array
  /** The bytes that are signed. */
  readonly text: Uint8Array<ArrayBuffer>
  readonly signatures: readonly { readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> }[]
}

const ed25519Type = 1
const keyIdLength = 4

/** Null when it is not a checkpoint. */
export function readCheckpoint(note: string): SignedCheckpoint | null {
  const separator = note.lastIndexOf('\n\n')
  if (separator < 0) return null
  const text = note.slice(0, separator + 1)
  const [origin = '', size = '', root = '', ...more] = text.split('\n')
  if (origin === '' || !/^(0|[1-9]\d{0,15})$/.test(size) || more.join('') !== '') return null
  const lines = note.slice(separator + 2).split('\n')
  if (lines.pop() !== '') return null
  const signatures = lines.map((line) => /^\u2014 (\S+) (\S+)$/u.exec(line))
  try {
    return {
      origin,
      size: Number(size),
      root: fromBase64(root),
      text: new TextEncoder().encode(text),
      signatures: signatures.map((signature) => {
        if (signature === null) throw new TypeError('not a line of a signature')
        const [, name = '', bytes = ''] = signature
        return { name, bytes: fromBase64(bytes) }
      }),
    }
  } catch {
    return null
  }
}

/** Whether the key signed the checkpoint. Null when this browser cannot check Ed25519. */
export async function isSignedBy(
  checkpoint: SignedCheckpoint,
  vkey: string,
): Promise<boolean | null> {
  const [, name, id, encoded] = /^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/.exec(vkey) ?? []
  if (name === undefined || id === undefined || encoded === undefined) return false
  let typed: Uint8Array<ArrayBuffer>
  try {
    typed = fromBase64(encoded)
  } catch {
    return false
  }
  if (name !== checkpoint.origin || typed.length !== 33 || typed[0] !== ed25519Type) return false
  // Key id: the first bytes of SHA-256(name, line feed, type, public key)
  const named = await sha256(new TextEncoder().encode(`${name}\n`), typed)
  const keyId = named.subarray(0, keyIdLength)
  if (!areEqual(keyId, bytesOfHex(id))) return false
  const key = await crypto.subtle
    .importKey('raw', typed.subarray(1), { name: 'Ed25519' }, false, ['verify'])
    .catch(() => null)
  if (key === null) return null
  const own = checkpoint.signatures.filter(
    (each) => each.name === name && areEqual(each.bytes.subarray(0, keyIdLength), keyId),
  )
  if (own.length === 0) return false
  for (const { bytes } of own) {
    const signature = concatenate(bytes.subarray(keyIdLength))
    if (!(await crypto.subtle.verify('Ed25519', key, signature, checkpoint.text))) return false
  }
  return true
}

function bytesOfHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}
