import { areEqual, fromBase64, toHex } from './hashing.ts'
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

export interface Check {
  readonly what: string
  readonly result: 'holds' | 'fails' | 'not_checked'
  readonly detail: string
}

/**
 * Recomputes everything from the leaf's bytes, the path and the checkpoint's text; no other word of the api is taken for true. Stops at
 * the first thing that fails, as what follows would rest on it.
 */
export async function checkProof(proof: ClaimedProof): Promise<readonly Check[]> {
  const checks: Check[] = []
  try {
    for await (const check of checksOf(proof)) {
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

async function* checksOf(proof: ClaimedProof): AsyncGenerator<Check> {
  const leaf = fromBase64(proof.leafBase64)
  const said = JSON.parse(new TextDecoder().decode(leaf)) as { log?: unknown; seq?: unknown }
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
}

function check(what: string, holds: boolean, detail: string): Check {
  return { what, result: holds ? 'holds' : 'fails', detail }
}
