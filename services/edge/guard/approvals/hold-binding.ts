import { createHash } from 'node:crypto'
import type { Actor, Principal } from '../../../../schemas/event.ts'
import type { ApprovalObligation } from '../decision.ts'

/**
 * What an approval is given for: this statement with these values, there, by this actor for these people, under this policy. Another
 * one in any of it is another request, which nobody has approved.
 */
export interface HoldBinding {
  /** SHA-256 of the exact bytes, hexadecimal. */
  readonly statementSha256: string
  /** Of `parametersSha256`, hexadecimal. */
  readonly parametersSha256: string
  readonly target: string
  readonly database: string
  /** The role that the edge uses at the target. */
  readonly role: string
  /** As the client asked for it at startup; null for the target's own. */
  readonly searchPath: string | null
  readonly actor: Pick<Actor, 'kind' | 'subject' | 'issuer'>
  /** The whole chain, in its order. */
  readonly onBehalfOf: readonly Pick<Principal, 'kind' | 'subject' | 'issuer'>[]
  /** SHA-256 of the policy file, hexadecimal. */
  readonly policyDigest: string
  /** What the policy asked for, by rule: it may ask for more at another hour. */
  readonly requirements: readonly Requirement[]
}

/** So many different people with this role; and who may do without them. */
export type Requirement = Pick<ApprovalObligation, 'ruleId' | 'role' | 'approvers' | 'breakGlass'>

/**
 * SHA-256 over all of it, hexadecimal. Two bindings have the same digest only if they are the same. Where no rule allows break-glass it is
 * the digest that edges without it make.
 */
export function bindingSha256(binding: HoldBinding): string {
  const { actor, onBehalfOf, requirements } = binding
  const isOverridable = requirements.some(({ breakGlass }) => breakGlass !== null)
  return digestOf(isOverridable ? 'affidavit/hold-binding/v2' : 'affidavit/hold-binding/v1', [
    binding.statementSha256,
    binding.parametersSha256,
    binding.target,
    binding.database,
    binding.role,
    binding.searchPath,
    binding.policyDigest,
    actor.kind,
    actor.subject,
    actor.issuer,
    String(onBehalfOf.length),
    ...onBehalfOf.flatMap(({ kind, subject, issuer }) => [kind, subject, issuer]),
    String(requirements.length),
    ...requirements.flatMap(({ ruleId, role, approvers, breakGlass }) => [
      ruleId,
      role,
      String(approvers),
      ...(isOverridable ? breakGlassParts(breakGlass) : []),
    ]),
  ])
}

function breakGlassParts(breakGlass: Requirement['breakGlass']): readonly (string | null)[] {
  return [breakGlass?.role ?? null, breakGlass && String(breakGlass.reviewWithinHours)]
}

/**
 * Over the bound values in their order, each with its format and, where the client says of any of them as what the target is to read it,
 * its type; and over the settings by which the target reads values, in any order. Null is no value, and not the empty one.
 */
export function parametersSha256(
  parameters: readonly {
    readonly format: number
    readonly value: Buffer | null
    readonly type?: number
  }[],
  settings: ReadonlyMap<string, string> = new Map(),
): string {
  const isPlain = settings.size === 0 && parameters.every(({ type = 0 }) => type === 0)
  if (isPlain) {
    const values = parameters.flatMap(({ format, value }) => [String(format), value])
    return digestOf('affidavit/parameters/v1', values)
  }
  return digestOf('affidavit/parameters/v2', [
    String(settings.size),
    ...[...settings].toSorted(([one], [other]) => (one < other ? -1 : 1)).flat(),
    ...parameters.flatMap(({ format, value, type = 0 }) => [String(type), String(format), value]),
  ])
}

// Each part: u32 length, its bytes; 0xffffffff alone for null. So no part can be taken for the end of one and the beginning of
// another.
function digestOf(domain: string, parts: readonly (string | Buffer | null)[]): string {
  const hash = createHash('sha256')
  for (const part of [domain, ...parts]) {
    const length = Buffer.alloc(4)
    if (part === null) {
      hash.update(length.fill(0xff))
      continue
    }
    const bytes = typeof part === 'string' ? Buffer.from(part, 'utf8') : part
    length.writeUInt32BE(bytes.length)
    hash.update(length).update(bytes)
  }
  return hash.digest('hex')
}
