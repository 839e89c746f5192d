import { createHash, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

import type { ScramVerifier } from '../../../../schemas/scram-verifier.ts'
import { ProtocolError } from './error.ts'

/**
 * SCRAM-SHA-256 (RFC 5802, RFC 7677) as PostgreSQL speaks it: the user name inside the exchange is ignored in favour of the
 * one of the startup packet. `channelBinding` is the tls-server-end-point digest (RFC 5929) or null where there is no TLS.
 */
const gsHeaderPlus = 'p=tls-server-end-point,,'
/** A server that asks for more rounds than this wants to keep us busy. */
const maxIterations = 1_000_000
const nonceBytes = 18

export type ScramMechanism = 'SCRAM-SHA-256' | 'SCRAM-SHA-256-PLUS'

export interface ScramServerOptions {
  readonly mechanism: ScramMechanism
  readonly verifier: ScramVerifier
  readonly channelBinding: Buffer | null
  readonly randomBytes: (size: number) => Buffer
}

/** One exchange, server side. Throws `ProtocolError` for what is no SCRAM; a wrong proof is an outcome, not an error. */
export class ScramServer {
  readonly #options: ScramServerOptions
  #gsHeader = ''
  #clientFirstBare = ''
  #serverFirst = ''
  #nonce = ''

  constructor(options: ScramServerOptions) {
    this.#options = options
  }

  /** client-first-message = gs2-cbind-flag "," [authzid] "," ["m=" ext ","] "n=" user ",r=" nonce */
  first(clientFirst: string): string {
    const parsed =
      /^(n|y|p=[A-Za-z0-9.-]+),(?:a=[^,]*)?,(n=[^,]*,r=([\x21-\x2b\x2d-\x7e]+)(?:,.*)?)$/.exec(
        clientFirst,
      )
    const [, flag = '', bare = '', clientNonce = ''] = parsed ?? []
    if (parsed === null) throw malformed('client-first-message')
    this.#checkBinding(flag)
    this.#gsHeader = clientFirst.slice(0, clientFirst.length - bare.length)
    this.#clientFirstBare = bare
    this.#nonce = clientNonce + this.#options.randomBytes(nonceBytes).toString('base64')
    const { salt, iterations } = this.#options.verifier
    this.#serverFirst = `r=${this.#nonce},s=${salt},i=${iterations}`
    return this.#serverFirst
  }

  /** client-final-message = "c=" binding ",r=" nonce ["," ext] ",p=" proof. Null when the proof is wrong. */
  final(clientFinal: string): string | null {
    const parsed = /^(c=([A-Za-z0-9+/=]*),r=([^,]*)(?:,.*)?),p=([A-Za-z0-9+/]+={0,2})$/.exec(
      clientFinal,
    )
    const [, withoutProof = '', binding = '', nonce = '', proof = ''] = parsed ?? []
    if (parsed === null) throw malformed('client-final-message')
    if (nonce !== this.#nonce) throw malformed('nonce')
    const expected = bindingOf(this.#gsHeader, this.#options.channelBinding)
    if (!equal(Buffer.from(binding, 'base64'), expected)) throw malformed('channel binding')
    const { verifier } = this.#options
    const storedKey = Buffer.from(verifier.storedKey, 'base64')
    const authMessage = `${this.#clientFirstBare},${this.#serverFirst},${withoutProof}`
    const given = Buffer.from(proof, 'base64')
    const clientSignature = hmac(storedKey, authMessage)
    if (given.length !== clientSignature.length) return null
    if (!equal(sha256(xor(given, clientSignature)), storedKey)) return null
    return `v=${hmac(Buffer.from(verifier.serverKey, 'base64'), authMessage).toString('base64')}`
  }

  #checkBinding(flag: string): void {
    const { mechanism, channelBinding } = this.#options
    if (mechanism === 'SCRAM-SHA-256-PLUS') {
      if (flag !== 'p=tls-server-end-point') throw malformed('channel binding type')
      return
    }
    if (flag.startsWith('p=')) throw malformed('channel binding flag')
    // "y": the client could bind but believes we cannot. We offered it, so somebody took the offer out.
    if (flag === 'y' && channelBinding !== null) throw malformed('channel binding flag')
  }
}

/**
 * A verifier for a user who does not exist: the same salt for the same name every time, as a real one has, and keys
 * nobody knows a password for.
 */
export function mockVerifier(secret: Buffer, user: string): ScramVerifier {
  const key = (label: string): Buffer => hmac(secret, `${label}\0${user}`)
  return {
    salt: key('salt').subarray(0, 16).toString('base64'),
    iterations: 4096,
    storedKey: key('stored').toString('base64'),
    serverKey: key('server').toString('base64'),
  }
}

export interface ScramKeys {
  readonly clientKey: Buffer
  readonly serverKey: Buffer
}

/** Derives the keys of one password; keeps those of the salt and iterations last seen, since 4,096 rounds cost 2 ms. */
export class ScramPassword {
  readonly #password: string
  #cached: { readonly of: string; readonly keys: Promise<ScramKeys> } | null = null

  /** Outside ASCII the password is brought to NFKC, the part of SASLprep (RFC 4013) that changes what people type. */
  constructor(password: string) {
    this.#password = password.normalize('NFKC')
  }

  keys(saltBase64: string, iterations: number): Promise<ScramKeys> {
    const of = `${iterations}:${saltBase64}`
    if (this.#cached?.of !== of) {
      this.#cached = { of, keys: this.#derive(Buffer.from(saltBase64, 'base64'), iterations) }
    }
    return this.#cached.keys
  }

  async #derive(salt: Buffer, iterations: number): Promise<ScramKeys> {
    const salted = await promisify(pbkdf2)(this.#password, salt, iterations, 32, 'sha256')
    return { clientKey: hmac(salted, 'Client Key'), serverKey: hmac(salted, 'Server Key') }
  }
}

export interface ScramClientOptions {
  readonly password: ScramPassword
  readonly mechanism: ScramMechanism
  readonly channelBinding: Buffer | null
  readonly randomBytes: (size: number) => Buffer
}

/** One exchange, client side. Throws `ProtocolError` when the server is not who it should be. */
export class ScramClient {
  readonly #options: ScramClientOptions
  readonly #nonce: string
  readonly #gsHeader: string
  #serverSignature: Buffer | null = null

  constructor(options: ScramClientOptions) {
    this.#options = options
    this.#nonce = options.randomBytes(nonceBytes).toString('base64')
    // Not "y": the edge decides what it uses, and a target that hides its offer of -PLUS is not what we defend against here.
    this.#gsHeader = options.mechanism === 'SCRAM-SHA-256-PLUS' ? gsHeaderPlus : 'n,,'
  }

  first(): string {
    return `${this.#gsHeader}${this.#firstBare}`
  }

  /** server-first-message = "r=" nonce ",s=" salt ",i=" iterations */
  async final(serverFirst: string): Promise<string> {
    const parsed = /^r=([^,]+),s=([A-Za-z0-9+/]+={0,2}),i=([0-9]{1,9})(?:,.*)?$/.exec(serverFirst)
    const [, nonce = '', salt = '', rounds = ''] = parsed ?? []
    if (parsed === null) throw malformed('server-first-message')
    if (!nonce.startsWith(this.#nonce) || nonce.length === this.#nonce.length)
      throw malformed('nonce')
    const iterations = Number(rounds)
    if (iterations < 1 || iterations > maxIterations) throw malformed('iteration count')
    const keys = await this.#options.password.keys(salt, iterations)
    const binding = bindingOf(this.#gsHeader, this.#options.channelBinding).toString('base64')
    const withoutProof = `c=${binding},r=${nonce}`
    const authMessage = `${this.#firstBare},${serverFirst},${withoutProof}`
    this.#serverSignature = hmac(keys.serverKey, authMessage)
    const proof = xor(keys.clientKey, hmac(sha256(keys.clientKey), authMessage))
    return `${withoutProof},p=${proof.toString('base64')}`
  }

  /** server-final-message = "v=" signature | "e=" error. Returns only when the server knows the password's verifier. */
  verify(serverFinal: string): void {
    const [, signature] = /^v=([A-Za-z0-9+/]+={0,2})(?:,.*)?$/.exec(serverFinal) ?? []
    if (signature === undefined || this.#serverSignature === null)
      throw malformed('server-final-message')
    if (!equal(Buffer.from(signature, 'base64'), this.#serverSignature)) {
      throw malformed('server signature')
    }
  }

  get #firstBare(): string {
    return `n=,r=${this.#nonce}`
  }
}

function bindingOf(gsHeader: string, channelBinding: Buffer | null): Buffer {
  const header = Buffer.from(gsHeader, 'utf8')
  if (!gsHeader.startsWith('p=')) return header
  return Buffer.concat([header, channelBinding ?? Buffer.alloc(0)])
}

function malformed(what: string): ProtocolError {
  return new ProtocolError('SASL_MALFORMED', `invalid SCRAM exchange: ${what}`)
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text, 'utf8').digest()
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest()
}

function xor(a: Buffer, b: Buffer): Buffer {
  return Buffer.from(a.map((byte, index) => byte ^ (b[index] ?? 0)))
}

function equal(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
