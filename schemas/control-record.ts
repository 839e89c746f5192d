import { verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

import controlSchema from './control.schema.json' with { type: 'json' }
import { controlKey, controlSignedText } from './control.ts'
import type { ControlUpdate, SignedControlUpdate } from './control.ts'
import { compileSchema } from './validated-document.ts'

export type OpenedControlRecord =
  | { readonly ok: true; readonly update: ControlUpdate }
  | {
      readonly ok: false
      /** `erased`: a tombstone, which nobody signed and which therefore says nothing to whoever knows better. */
      readonly reason: 'erased' | 'malformed' | 'bad_signature' | 'wrong_key'
    }

const longestRecord = 4 * 1024 * 1024

/** What a record of `control.updates` says, if the api's key signed it and it stands under its own key. */
export function openControlRecord(
  record: { readonly key: Buffer; readonly value: Buffer },
  verifyKey: KeyObject,
): OpenedControlRecord {
  const { value } = record
  if (value.length === 0) return { ok: false, reason: 'erased' }
  if (value.length > longestRecord) return { ok: false, reason: 'malformed' }
  const signed = parseJson(value.toString('utf8'))
  if (!isSigned(signed)) return { ok: false, reason: 'malformed' }
  const update = parseJson(signed.update)
  if (!isControlUpdate(update)) return { ok: false, reason: 'malformed' }
  const signature = Buffer.from(signed.signature, 'base64')
  if (!verify(null, controlSignedText(signed.update), verifyKey, signature)) {
    return { ok: false, reason: 'bad_signature' }
  }
  // A record under another key would outlive the one it replaces.
  if (record.key.toString('utf8') !== controlKey(update)) return { ok: false, reason: 'wrong_key' }
  return { ok: true, update }
}

const isSigned = compileSchema<SignedControlUpdate>({
  ...controlSchema.definitions.signed,
})

/** Whether whoever reads `control.updates` takes it for an update. */
export const isControlUpdate = compileSchema<ControlUpdate>({
  ...controlSchema.definitions.update,
  definitions: controlSchema.definitions,
})

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
