import type { Detector } from './detector.ts'
import { isAlphanumeric } from './detector.ts'

/**
 * Keys and tokens of clouds and services that begin with what only they begin with, and private keys in PEM. Secrets without a
 * prefix of their own, such as the secret half of an AWS key, cannot be told from other text.
 */
export const keyAt: Detector = (text, at, end, before) => {
  if (isOfKey(before)) return 0
  if (startsWith(text, at, end, pemStart)) return endOfPem(text, at, end)
  for (const { prefix, length, isExact } of keysBeginning[text[at] ?? 0] ?? []) {
    if (!startsWith(text, at, end, prefix)) continue
    let next = at + prefix.length
    while (next < end && isOfKey(text[next] ?? 0)) next += 1
    const rest = next - at - prefix.length
    if (isExact ? rest === length : rest >= length) return next
  }
  return 0
}

/** JSON Web Tokens: three parts in base64url, the first of which is a JSON object that names an algorithm (RFC 7515). */
export const jwtAt: Detector = (text, at, end, before) => {
  if (isOfKey(before) || !startsWith(text, at, end, jsonObject)) return 0
  const header = endOfPart(text, at, end)
  if (header - at > mostHeader || text[header] !== dot || !namesAlgorithm(text, at, header))
    return 0
  const payload = endOfPart(text, header + 1, end)
  if (payload === header + 1 || text[payload] !== dot) return 0
  // An unsigned one has nothing behind its second dot.
  return Math.min(endOfPart(text, payload + 1, end), end)
}

const keys: readonly {
  readonly prefix: Buffer
  readonly length: number
  readonly isExact: boolean
}[] = [
  // AWS: access keys of users, of sessions.
  exactly('AKIA', 16),
  exactly('ASIA', 16),
  // Google Cloud: API keys, OAuth client secrets, access tokens.
  exactly('AIza', 35),
  atLeast('GOCSPX-', 20),
  atLeast('ya29.', 20),
  // GitHub: personal, OAuth, user, server and refresh tokens; fine-grained ones.
  atLeast('ghp_', 36),
  atLeast('gho_', 36),
  atLeast('ghu_', 36),
  atLeast('ghs_', 36),
  atLeast('ghr_', 36),
  atLeast('github_pat_', 36),
  // GitLab, Slack, Stripe, npm.
  atLeast('glpat-', 20),
  atLeast('xoxb-', 20),
  atLeast('xoxp-', 20),
  atLeast('xoxa-', 20),
  atLeast('sk_live_', 20),
  atLeast('rk_live_', 20),
  atLeast('npm_', 36),
]

/** By the first byte of the prefix: most words begin with none. */
const keysBeginning: readonly (typeof keys)[] = Array.from({ length: 256 }, (_, byte) =>
  keys.filter(({ prefix }) => prefix[0] === byte),
)

function exactly(prefix: string, length: number) {
  return { prefix: Buffer.from(prefix), length, isExact: true }
}

function atLeast(prefix: string, length: number) {
  return { prefix: Buffer.from(prefix), length, isExact: false }
}

const dot = 0x2e
const pemStart = Buffer.from('-----BEGIN ')
const pemEnd = Buffer.from('-----END ')
const dashes = Buffer.from('-----')
const privateKey = Buffer.from('PRIVATE KEY-----')
const jsonObject = Buffer.from('eyJ')
/** `{"` and an algorithm fit many times; longer ones carry certificates. */
const mostHeader = 16 * 1024
const mostPemLabel = 64

/** What is not ended is a key up to the end of the text. */
function endOfPem(text: Buffer, at: number, end: number): number {
  const label = text.subarray(at + pemStart.length, Math.min(at + mostPemLabel, end))
  if (!label.includes(privateKey)) return 0
  const endsAt = text.subarray(at, end).indexOf(pemEnd)
  if (endsAt < 0) return end
  const closesAt = text.subarray(at + endsAt + pemEnd.length, end).indexOf(dashes)
  return closesAt < 0 ? end : at + endsAt + pemEnd.length + closesAt + dashes.length
}

function namesAlgorithm(text: Buffer, start: number, end: number): boolean {
  try {
    const header: unknown = JSON.parse(
      Buffer.from(text.toString('latin1', start, end), 'base64url').toString(),
    )
    return typeof header === 'object' && header !== null && 'alg' in header
  } catch {
    return false
  }
}

function endOfPart(text: Buffer, at: number, end: number): number {
  let next = at
  while (next < end && isOfKey(text[next] ?? 0)) next += 1
  return next
}

/** Of base64url, which all of these are made of. */
function isOfKey(byte: number): boolean {
  return isAlphanumeric(byte) || byte === 0x2d || byte === 0x5f
}

function startsWith(text: Buffer, at: number, end: number, prefix: Buffer): boolean {
  return (
    end - at >= prefix.length &&
    text[at] === prefix[0] &&
    text.compare(prefix, 0, prefix.length, at, at + prefix.length) === 0
  )
}
