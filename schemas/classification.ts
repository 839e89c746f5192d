/** The classification file of a target, in the shape of `classification.schema.json`. What each field means is said there. */
export interface ClassificationFile {
  readonly version: 1
  readonly columns: readonly ClassifiedColumn[]
}

export interface ClassifiedColumn {
  readonly column: string
  readonly class: string
  readonly mask?: 'null' | 'token' | 'last4' | 'fixed'
  readonly text?: string
  readonly detect?: readonly ('card' | 'email' | 'iban' | 'jwt' | 'key' | 'national-id' | 'phone')[]
  readonly json?: readonly ClassifiedPath[]
  readonly use?: 'project-only' | 'no-use'
}

export interface ClassifiedPath {
  readonly path: string
  readonly mask?: 'null' | 'token' | 'last4' | 'fixed'
  readonly text?: string
}
