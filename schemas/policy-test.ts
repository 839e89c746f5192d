/** Fixtures of `affidavit policy test`, in the shape of `policy-test.schema.json`. What each field means is said there. */
export interface PolicyTestFile {
  readonly version: 1
  readonly policy?: string
  readonly actors?: Readonly<Record<string, PolicyTestActor>>
  readonly tests: readonly PolicyTest[]
}

export interface PolicyTest {
  readonly name: string
  readonly actor: string | PolicyTestActor
  readonly target: string
  readonly database?: string
  readonly role?: string
  readonly search_path?: string
  readonly purpose?: string
  readonly labels?: readonly string[]
  readonly at?: string
  readonly prepared?: readonly string[]
  readonly statement: string
  readonly expect: 'allow' | 'block' | 'hold' | 'mask'
  readonly rules?: readonly string[]
}

export interface PolicyTestActor {
  readonly kind: 'human' | 'agent' | 'service'
  readonly subject: string
  readonly issuer?: string
  readonly display?: string
  readonly groups?: readonly string[]
  readonly on_behalf_of?: readonly string[]
}
