import type { JWTPayload } from 'jose'

import type { Actor, ActorKind, Principal } from '../../../../schemas/event.ts'
import type { ClaimRule, PrincipalRule } from '../../../runtime/config.ts'

/** Names of claims; a name with dots is a path where no claim has it as a whole, as `realm_access.roles`. */
export interface ClaimsMapping {
  readonly groupsClaim: string
  readonly nameClaim: string
  /** Who is an agent. They come before services. */
  readonly agents: readonly PrincipalRule[]
  readonly services: readonly PrincipalRule[]
}

export class ClaimsError extends Error {
  override readonly name = 'ClaimsError'
}

// RFC 8693 sets no bound; a longer chain is nobody's honest delegation.
const longestChain = 8

/**
 * Who acts by this token (RFC 8693 §4.1): `act.sub` where there is one, for the person in `sub`; each nested `act` is an earlier
 * actor. Without `act` the subject itself acts.
 */
export function actorOfClaims(claims: JWTPayload, mapping: ClaimsMapping): Actor {
  const issuer = claims.iss
  if (!isName(issuer) || !isName(claims.sub)) {
    throw new ClaimsError('the token names no issuer or no subject')
  }
  const chain = actChain(claims)
  const subject = principal(claims, issuer, mapping)
  const groups = groupsOf(claims, mapping.groupsClaim)
  const [current, ...earlier] = chain.map((act) => principal(act, issuer, mapping))
  if (current === undefined) {
    return { ...subject, groups, on_behalf_of: [], client: null, runtime: null }
  }
  return {
    ...current,
    groups,
    // The person first, then the actors in the order in which they acted: the innermost `act` is the earliest.
    on_behalf_of: [subject, ...earlier.toReversed()],
    client: null,
    runtime: null,
  }
}

/** The claim of this name, or what stands at this path; undefined where there is none. */
export function claimAt(claims: Readonly<Record<string, unknown>>, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name]
  let at: unknown = claims
  for (const step of name.split('.')) {
    if (!isObject(at) || !Object.hasOwn(at, step)) return undefined
    at = at[step]
  }
  return at
}

/**
 * Rules block, hold and mask by groups, so whoever's groups are not told here is refused: an issuer that leaves them out where they are
 * many says so by `_claim_names` (OpenID Connect §5.6.2). Some write the only one as a text.
 */
function groupsOf(claims: JWTPayload, name: string): string[] {
  const groups = claimAt(claims, name) ?? null
  const elsewhere = claims['_claim_names']
  if (groups === null && isObject(elsewhere) && Object.hasOwn(elsewhere, name)) {
    throw new ClaimsError('the groups are left out of the token')
  }
  if (groups === null) return []
  if (isName(groups)) return [groups]
  if (!Array.isArray(groups)) throw new ClaimsError('the claim of the groups is no list of texts')
  return stringsOf(groups)
}

function actChain(claims: JWTPayload): JWTPayload[] {
  const chain: JWTPayload[] = []
  let act = claims['act']
  while (act !== undefined) {
    if (!isObject(act) || !isName(act.sub) || (act.iss !== undefined && !isName(act.iss))) {
      throw new ClaimsError('an act claim of the token names no subject')
    }
    chain.push(act)
    if (chain.length > longestChain) throw new ClaimsError('the act claims are nested too deep')
    act = act['act']
  }
  return chain
}

function principal(claims: JWTPayload, issuer: string, mapping: ClaimsMapping): Principal {
  const subject = claims.sub ?? ''
  const display = claimAt(claims, mapping.nameClaim)
  return {
    kind: kindOf(subject, claims, mapping),
    subject,
    issuer: claims.iss ?? issuer,
    display: typeof display === 'string' ? display : null,
  }
}

/** `jose` checks that these claims are there, not what they are. */
function isName(claim: unknown): claim is string {
  return typeof claim === 'string' && claim !== ''
}

function isObject(claim: unknown): claim is JWTPayload {
  return typeof claim === 'object' && claim !== null
}

/**
 * By what is said of this principal itself: the token's own claims tell of its subject, those of an `act` claim of that actor. A client
 * that acts for nobody is its own subject (RFC 9068 §2.2): no person, whether the configuration names it or not.
 */
function kindOf(subject: string, claims: JWTPayload, mapping: ClaimsMapping): ActorKind {
  const isOneOf = (rules: readonly PrincipalRule[]): boolean =>
    rules.some((rule) => (typeof rule === 'string' ? rule === subject : fits(rule, claims)))
  if (isOneOf(mapping.agents)) return 'agent'
  const isClient = subject === claims['client_id'] || subject === claims['azp']
  return isClient || isOneOf(mapping.services) ? 'service' : 'human'
}

function fits({ claim, is, startsWith }: ClaimRule, claims: JWTPayload): boolean {
  // In a token that says who acts, these tell of the client that asked for it, and nothing of its subject.
  if (claims['act'] !== undefined && ['client_id', 'azp'].includes(claim)) return false
  const found = claimAt(claims, claim)
  if (is === null && startsWith === null) return found !== undefined && found !== null
  const texts = typeof found === 'string' ? [found] : stringsOf(found)
  return texts.some((text) => text === is || (startsWith !== null && text.startsWith(startsWith)))
}

function stringsOf(claim: unknown): string[] {
  return Array.isArray(claim)
    ? claim.filter((each): each is string => typeof each === 'string')
    : []
}
