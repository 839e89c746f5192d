import { sign } from 'node:crypto'

import { pino } from 'pino'

import { controlKey, controlSignedText } from '../../../schemas/control.ts'
import type { ControlUpdate } from '../../../schemas/control.ts'
import { HeldRequests } from '../../../services/edge/guard/approvals/held-requests.ts'
import { ControlUpdates } from '../../../services/edge/guard/control-updates.ts'
import { IssuedCredentials } from '../../../services/edge/guard/issued-credentials.ts'
import { Lockouts } from '../../../services/edge/guard/lockouts.ts'
import { PolicyInForce } from '../../../services/edge/guard/policy-in-force.ts'
import {
  aBinding,
  anApprovalUpdate,
  anOverrideUpdate,
} from '../../services/edge/guard/approvals/approval-builders.ts'
import {
  aCredentialUpdate,
  aLockoutUpdate,
  anApiKey,
} from '../../services/edge/guard/control-builders.ts'
import { aPolicy, policyText } from '../../services/edge/guard/policy-builders.ts'
import { expect } from '../fuzz-target.ts'
import { wordsOf } from '../mutate.ts'
import type { FuzzTarget } from '../fuzz-target.ts'

const nowMs = Date.UTC(2026, 10, 25)
const clock = { nowMs: () => nowMs, nowUs: () => nowMs * 1000 }
const reading = 'id: read, targets: [shop], statements: [read], outcome: allow'
const policy = aPolicy(reading)
const binding = aBinding()
const verifier = { salt: 'AAAA', iterations: 4096, storedKey: 'AAAA', serverKey: 'AAAA' }

const updates: readonly ControlUpdate[] = [
  aCredentialUpdate({ expires_at: nowMs + 1000, verifier }),
  { kind: 'revocation', version: 1, credential_id: 'credential-1', reason: 'left' },
  { kind: 'policy', version: 1, text: policyText(reading) },
  anApprovalUpdate(binding),
  anOverrideUpdate(),
  aLockoutUpdate(),
]

/**
 * A record on `control.updates`. After a first byte of `s` the update's text, which is signed here as the api would; after any other
 * the record's value as it is, which nobody signed.
 */
export function createTarget(): Promise<FuzzTarget> {
  const key = anApiKey()
  // One for all runs: each that is made stays until the process ends.
  const logger = pino({ level: 'silent' })
  const received = (text: string, value: Buffer) => {
    const held = new HeldRequests({ edge: 'edge-1', clock, newId: () => 'approval-1' })
    held.ask(binding, 'request-1', { expiresMs: 900_000, sizeBytes: 100 }, () => true)
    const applied = new ControlUpdates({
      bus: undefined as never,
      group: 'fuzz',
      verifyKey: key.publicKey,
      credentials: new IssuedCredentials({ clock, waitMs: 0 }),
      usedTokens: null,
      lockouts: new Lockouts(),
      policies: new PolicyInForce(policy),
      held,
      logger,
    }).apply({ key: Buffer.from(keyOf(text)), value })
    return {
      applied,
      asked: held.ask(binding, 'request-1', { expiresMs: 900_000, sizeBytes: 100 }, () => true)
        .kind,
    }
  }
  return Promise.resolve({
    maxBytes: 4_096,
    maxMs: 1_000,
    seeds: updates.flatMap((update) => {
      const text = JSON.stringify(update)
      return [`s${text}`, `u${JSON.stringify({ update: text, signature: 'AAAA' })}`].map((input) =>
        Buffer.from(input),
      )
    }),
    words: wordsOf(`
    "kind": "credential" "revocation" "policy" "approval" "override" "version": { } "answers":[ ] , " : null
    1e400 -1 9007199254740993 \\u0000 "__proto__":{} "granted" "denied" "grant" "is_delegated":true
    "roles":[] "lockout" "session" "actor" "target" "lifted":true
  `),
    covers: ['services/edge/guard/', 'schemas/'],
    run(input) {
      const isSigned = input[0] === 0x73
      const text = input.subarray(1).toString('utf8')
      const signature = sign(null, controlSignedText(text), key.privateKey).toString('base64')
      const signed = Buffer.from(JSON.stringify({ update: text, signature }))
      const { applied, asked } = received(text, isSigned ? signed : input.subarray(1))
      expect(isSigned || !applied.ok, 'what nobody signed is applied')
      expect(asked === 'pending' || (applied.ok && applied.kind === 'approval'), `it is ${asked}`)
      return `${applied.ok ? applied.kind : applied.reason} ${asked}`
    },
  })
}

/** The key that the update would be under, where it is one. */
function keyOf(text: string): string {
  try {
    const key: unknown = controlKey(JSON.parse(text) as ControlUpdate)
    // Of a kind that there is not.
    return typeof key === 'string' ? key : ''
  } catch {
    return ''
  }
}
