import controlSchema from '../../../schemas/control.schema.json' with { type: 'json' }
import type { ControlUpdate, SignedControlUpdate } from '../../../schemas/control.ts'
import { compileSchema } from '../../../schemas/validated-document.ts'

export interface ControlRecord {
  readonly update: ControlUpdate
  readonly signedText: string
  readonly signature: Buffer
}

const longestRecord = 4 * 1024 * 1024

/** A record's value as what it says and what was signed; null when it is anything else. The signature is not checked here. */
export function decodeControlUpdate(value: Buffer): ControlRecord | null {
  if (value.length > longestRecord) return null
  const signed = parseJson(value.toString('utf8'))
  if (!isSigned(signed)) return null
  const update = parseJson(signed.update)
  if (!isUpdate(update)) return null
  return { update, signedText: signed.update, signature: Buffer.from(signed.signature, 'base64') }
}

const isSigned = compileSchema<SignedControlUpdate>({
  ...controlSchema.definitions.signed,
})

const isUpdate = compileSchema<ControlUpdate>({
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
