import { areEqual, fromBase64, sha256, toHex } from './hashing.ts'
import { inclusionRoot, leafHashOf } from './inclusion-root.ts'
import { isSignedBy, readCheckpoint } from './signed-checkpoint.ts'

/** What the api says proves that an entry is in a log. */
export interface ClaimedProof {
  readonly log: string
  readonly position: number
  readonly leafBase64: string
  readonly leafHash: string
  readonly path: readonly string[]
  readonly checkpoint: string
  readonly vkey: string
}

/** The sealed bytes that the leaf commits to, with what the page shows of them. */
export interface ClaimedPayload {
  readonly saltBase64: string
  readonly payloadBase64: string
  readonly statement: string | null
}

export interface Check {
  readonly what: string
  readonly result: 'holds' | 'fails' | 'not_checked'
  readonly detail: string
}

/**
 * Recomputes everything from the leaf's bytes, the path and the checkpoint's text; no other word of the api is taken for true. Stops at
 * the first thing that fails, as what follows would rest on it.
 */
export async function checkProof(
  proof: ClaimedProof,
  payload: ClaimedPayload | null,
): Promise<readonly Check[]> {
  const checks: Check[] = []
  try {
    for await (const check of checksOf(proof, payload)) {
      checks.push(check)
      if (check.result === 'fails') break
    }
  } catch (error) {
    checks.push({
      what: 'The proof can be read',
      result: 'fails',
      detail: error instanceof Error ? error.message : String(error),
    })
  }
  return checks
}

async function* checksOf(
  proof: ClaimedProof,
  payload: ClaimedPayload | null,
): AsyncGenerator<Check> {
  const leaf = fromBase64(proof.leafBase64)
  const said = JSON.parse(new TextDecoder().decode(leaf)) as Leaf
  yield check(
    'The leaf names this log and position',
    said.log === proof.log && said.seq === proof.position,
    `it says ${String(said.log)}, ${String(said.seq)}`,
  )
  const hash = await leafHashOf(leaf)
  yield check(
    'SHA-256 of the leaf is its leaf hash',
    areEqual(hash, fromBase64(proof.leafHash)),
    toHex(hash),
  )
  const checkpoint = readCheckpoint(proof.checkpoint)
  if (checkpoint === null) {
    yield check('The checkpoint can be read', false, 'it is not origin, size, root and signatures')
    return
  }
  yield check(
    'The checkpoint is of this log',
    checkpoint.origin === proof.log,
    `${checkpoint.origin}, ${checkpoint.size} entries`,
  )
  const root = await inclusionRoot(
    hash,
    proof.position,
    checkpoint.size,
    proof.path.map(fromBase64),
  )
  yield check(
    'The path leads from the leaf to the root of the checkpoint',
    root !== null && areEqual(root, checkpoint.root),
    root === null ? 'a path of this length cannot belong to this position' : toHex(root),
  )
  const isSigned = await isSignedBy(checkpoint, proof.vkey)
  yield isSigned === null
    ? {
        what: 'The key of the log signed the checkpoint',
        result: 'not_checked',
        detail: 'this browser cannot check Ed25519; the downloaded proof can be checked elsewhere',
      }
    : check('The key of the log signed the checkpoint', isSigned, proof.vkey)
  // A genesis or a loss has no payload, and so no commitment.
  if (said.com === undefined) return
  yield* payloadChecks(typeof said.com === 'string' ? said.com : '', payload)
}

interface Leaf {
  readonly log?: unknown
  readonly seq?: unknown
  readonly com?: unknown
}

const payloadPrefix = Uint8Array.of(0x10)

// com = SHA-256(0x10, salt, payload)
async function* payloadChecks(
  commitment: string,
  claimed: ClaimedPayload | null,
): AsyncGenerator<Check> {
  const what = 'The leaf commits to the payload'
  if (claimed === null) {
    yield {
      what,
      result: 'not_checked',
      detail: 'the payload was erased, or is not there to be read; the leaf stands without it',
    }
    return
  }
  const payload = fromBase64(claimed.payloadBase64)
  const hash = await sha256(payloadPrefix, fromBase64(claimed.saltBase64), payload)
  yield check(
    what,
    areEqual(hash, fromBase64(commitment)),
    `${toHex(hash)}, over ${payload.length} bytes`,
  )
  const { statement } = claimed
  // Bytes that are not text are shown in hex.
  if (statement === null || statement === '' || statement.startsWith('\\x')) return
  yield check(
    'The statement shown is in the payload, byte for byte',
    contains(payload, new TextEncoder().encode(statement)),
    `${statement.length} characters`,
  )
}

function contains(bytes: Uint8Array, part: Uint8Array): boolean {
  for (let start = 0; start + part.length <= bytes.length; start += 1) {
    if (part.every((byte, index) => bytes[start + index] === byte)) return true
  }
  return false
}

function check(what: string, holds: boolean, detail: string): Check {
  return { what, result: holds ? 'holds' : 'fails', detail }
}
