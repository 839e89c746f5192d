import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'

type KeyFileErrorCode =
  'KEY_FILE_MISSING' | 'KEY_FILE_EXISTS' | 'KEY_FILE_MODE' | 'KEY_FILE_INVALID'

export class KeyFileError extends Error {
  override readonly name = 'KeyFileError'
  readonly code: KeyFileErrorCode

  constructor(code: KeyFileErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** An Ed25519 key that signs. The private key does not leave it. */
export interface SigningKey {
  /** 32 bytes, RFC 8032. */
  readonly publicKey: Buffer
  /** 64 bytes. The same message always gives the same signature. */
  sign(message: Buffer): Buffer
}

/** Makes a key and keeps it in a new file, PKCS #8 PEM with mode 0600. Never replaces a file: a lost key cannot be made again. */
export async function createKeyFile(file: string): Promise<SigningKey> {
  const { privateKey } = generateKeyPairSync('ed25519')
  await writeSecretFile(file, privateKey.export({ type: 'pkcs8', format: 'pem' }))
  return signingKey(privateKey)
}

/** Throws `KeyFileError` when the file is missing, is no Ed25519 key, or can be read by others than its owner. */
export async function loadKeyFile(file: string): Promise<SigningKey> {
  const pem = await readSecretFile(file)
  let key: KeyObject
  try {
    key = createPrivateKey(pem)
  } catch {
    // The cause is left out: it may quote the key.
    throw new KeyFileError('KEY_FILE_INVALID', `${file} is not a private key in PEM form`)
  }
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new KeyFileError('KEY_FILE_INVALID', `${file} is a key of another kind, not Ed25519`)
  }
  return signingKey(key)
}

/** Writes a new file that only its owner can read. Throws `KEY_FILE_EXISTS`. */
export async function writeSecretFile(file: string, content: string | Buffer): Promise<void> {
  let handle
  try {
    handle = await open(file, 'wx', 0o600)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause
    throw new KeyFileError('KEY_FILE_EXISTS', `${file} exists already`, { cause })
  }
  try {
    await handle.writeFile(content)
    await handle.sync()
  } finally {
    await handle.close()
  }
  const directory = await open(dirname(file), 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** Reads a file that only its owner may be able to read. */
export async function readSecretFile(file: string): Promise<Buffer> {
  let handle
  try {
    handle = await open(file, 'r')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause
    throw new KeyFileError('KEY_FILE_MISSING', `${file} is missing`, { cause })
  }
  try {
    // The mode is read from the open file, so that what is checked is what is read.
    const { mode } = await handle.stat()
    if ((mode & 0o077) !== 0) {
      const shown = (mode & 0o777).toString(8).padStart(4, '0')
      throw new KeyFileError(
        'KEY_FILE_MODE',
        `${file} has mode ${shown}, so others can read it; set it to 0600`,
      )
    }
    return await handle.readFile()
  } finally {
    await handle.close()
  }
}

// The last 32 bytes of the DER of an Ed25519 public key are the key, RFC 8410 §4.
function signingKey(privateKey: KeyObject): SigningKey {
  const der = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })
  return {
    publicKey: Buffer.from(der.subarray(der.length - 32)),
    sign: (message) => sign(null, message, privateKey),
  }
}
