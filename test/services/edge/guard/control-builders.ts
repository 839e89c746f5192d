import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { controlKey, controlSignedText } from '../../../../schemas/control.ts'
import type { ControlUpdate, CredentialUpdate, LockoutUpdate } from '../../../../schemas/control.ts'
import { deriveScramVerifier } from '../../../../schemas/scram-verifier.ts'

export function aCredentialUpdate(changes: Partial<CredentialUpdate> = {}): CredentialUpdate {
  return {
    kind: 'credential',
    version: 1,
    credential_id: 'credential-1',
    user: 'agent-1',
    target: 'shop',
    database: null,
    purpose: null,
    actor: {
      kind: 'agent',
      subject: 'shop-agent',
      issuer: 'https://issuer.test',
      display: null,
      groups: [],
      on_behalf_of: [
        { kind: 'human', subject: 'olivia', issuer: 'https://issuer.test', display: 'Olivia' },
      ],
      client: null,
      runtime: null,
    },
    verifier: deriveScramVerifier('a password', randomBytes(16)),
    expires_at: Date.now() + 3_600_000,
    ...changes,
  }
}

export function aLockoutUpdate(changes: Partial<LockoutUpdate> = {}): LockoutUpdate {
  return {
    kind: 'lockout',
    version: 1,
    subject: 'actor',
    name: 'shop-agent',
    issuer: 'https://issuer.test',
    reason: 'gone astray',
    lifted: false,
    ...changes,
  }
}

export interface ApiKey {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

export function anApiKey(): ApiKey {
  return generateKeyPairSync('ed25519')
}

export function aRecord(
  update: ControlUpdate,
  key: ApiKey,
): { readonly key: Buffer; readonly value: Buffer } {
  return { key: Buffer.from(controlKey(update)), value: signedValue(update, key) }
}

/** Also for what is no update at all. */
export function signedValue(update: object, { privateKey }: ApiKey): Buffer {
  const text = JSON.stringify(update)
  const signature = sign(null, controlSignedText(text), privateKey).toString('base64')
  return Buffer.from(JSON.stringify({ update: text, signature }))
}
