/** The policy file, in the shape of `policy.schema.json`. What each field means is said there. */
export interface PolicyFile {
  readonly version: 1
  readonly name?: string
  readonly description?: string
  readonly default?: 'block'
  readonly rules: readonly PolicyRule[]
}

export interface PolicyRule {
  readonly id: string
  readonly description?: string
  readonly targets: readonly string[]
  readonly actors?: PolicyActors
  readonly statements?: readonly string[]
  readonly relations?: { readonly read?: readonly string[]; readonly write?: readonly string[] }
  readonly columns?: { readonly read?: readonly string[]; readonly write?: readonly string[] }
  readonly functions?: readonly string[]
  readonly flags?: readonly string[]
  readonly when?: string
  readonly outcome: 'allow' | 'block' | 'hold' | 'mask'
  readonly approval?: PolicyApproval
  readonly mask?: { readonly classes: readonly string[] }
  readonly reason?: string
}

export interface PolicyApproval {
  readonly role: string
  readonly approvers?: 1 | 2
  readonly expires_seconds?: number
  readonly wait_seconds?: number
  readonly break_glass?: PolicyBreakGlass
}

export interface PolicyBreakGlass {
  readonly role: string
  readonly review_within_hours?: number
}

export interface PolicyActors {
  readonly kinds?: readonly ('human' | 'agent' | 'service')[]
  readonly subjects?: readonly string[]
  readonly groups?: readonly string[]
  readonly on_behalf_of?: 'required' | 'forbidden' | readonly string[]
}
