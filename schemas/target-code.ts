/** `what` of a `config.changed` that tells of the code of users at its target. */
export const targetCode = 'code at the target'

/** What such an event says, as JSON in the `content` of its change; `digest` is of all of the code, `previous` of that told before. */
export interface TargetCodeChange {
  /** How many functions, triggers and so on there are now. */
  readonly objects: number
  /** Empty for the first one that an edge tells of a target: nothing was known before. */
  readonly changes: readonly CodeObjectChange[]
  /** Changes that are not among them. */
  readonly more: number
}

export interface CodeObjectChange {
  /** In the target's words, such as `function` or `trigger`. */
  readonly kind: string
  readonly name: string
  /** What was seen to happen to it since the event before, in order, each once. */
  readonly how: readonly ('added' | 'changed' | 'removed')[]
}

export function encodeTargetCodeChange(change: TargetCodeChange): Buffer {
  return Buffer.from(JSON.stringify(change))
}

/** Null for bytes that are no such change. */
export function decodeTargetCodeChange(content: Uint8Array): TargetCodeChange | null {
  try {
    const change = JSON.parse(new TextDecoder().decode(content)) as TargetCodeChange
    const isWhole =
      Number.isInteger(change.objects) &&
      Number.isInteger(change.more) &&
      change.changes.every(
        ({ kind, name, how }) =>
          typeof kind === 'string' && typeof name === 'string' && Array.isArray(how),
      )
    return isWhole ? change : null
  } catch {
    return null
  }
}
