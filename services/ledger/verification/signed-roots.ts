import { LedgerError } from '../error.ts'
import { openCheckpoint } from '../proof/checkpoint.ts'
import { ProofError } from '../proof/error.ts'
import { mustBeSigned, readSignedHeads } from '../log/signed-heads.ts'
import type { LogStorage } from '../storage/storage.ts'
import type { LedgerProblem } from './verification.ts'

interface SignedRoot {
  readonly size: number
  readonly root: Buffer
  readonly note: string
  readonly file: string
}

/** Every root of a log that was signed, to be compared as a walk over its entries comes to each size. */
export class SignedRoots {
  /** Roots that were compared. */
  checked = 0
  readonly #origin: string
  readonly #roots: readonly SignedRoot[]
  readonly #problems: LedgerProblem[]
  #next = 0

  constructor(origin: string, roots: SignedRoot[], problems: LedgerProblem[]) {
    this.#origin = origin
    this.#roots = roots.sort((a, b) => a.size - b.size)
    this.#problems = problems
  }

  /** The newest size that was signed. */
  get newest(): number {
    return this.#roots.at(-1)?.size ?? 0
  }

  /** Compares what was signed for this size. */
  check(size: number, root: () => Buffer): void {
    for (let signed = this.#roots[this.#next]; signed !== undefined;) {
      if (signed.size > size) return
      this.checked++
      this.#next++
      if (signed.size < size || !signed.root.equals(root())) this.#differs(signed)
      signed = this.#roots[this.#next]
    }
  }

  /** No signed size may be beyond the end. */
  mustEndBy(size: number): void {
    for (const signed of this.#roots.slice(this.#next)) {
      this.#problems.push({
        origin: this.#origin,
        file: signed.file,
        position: size,
        what: `a checkpoint of size ${signed.size} was signed, but the log ends at ${size}: it was set back`,
        evidence: [signed.note],
      })
      return
    }
  }

  #differs(signed: SignedRoot): void {
    // With another note for the same size this is a fork, proven by the two.
    const others = this.#roots.filter(
      (other) => other.size === signed.size && !other.root.equals(signed.root),
    )
    this.#problems.push({
      origin: this.#origin,
      file: signed.file,
      position: signed.size - 1,
      what:
        others.length > 0
          ? `the log was forked: two roots were signed for size ${signed.size}`
          : `the entries do not give the root that was signed for size ${signed.size}`,
      evidence: [signed.note, ...others.map((other) => other.note)],
    })
  }
}

export async function signedRoots(
  storage: LogStorage,
  vkey: string,
  remembered: readonly string[],
  problems: LedgerProblem[],
): Promise<SignedRoots> {
  const { origin } = storage
  const roots: SignedRoot[] = []
  const report = (file: string, what: string): void => {
    problems.push({ origin, file, position: null, what })
  }
  try {
    let before = { size: 0, signedAtMs: 0 }
    for await (const head of storage.checkpoints.all()) {
      mustBeSigned(head, vkey, 'checkpoints.log')
      if (head.size < before.size || head.signedAtMs < before.signedAtMs) {
        report('checkpoints.log', `the checkpoint of size ${head.size} stands after a later one`)
      }
      before = head
      const { size, root, checkpoint } = head
      roots.push({ size, root, note: checkpoint, file: 'checkpoints.log' })
    }
    const { registered, published } = await readSignedHeads(storage, vkey)
    if (registered !== null) {
      const { size, root, checkpoint } = registered
      roots.push({ size, root, note: checkpoint, file: 'register' })
    }
    if (published !== null) {
      const note = (await storage.checkpoints.published()) ?? ''
      roots.push({ size: published.size, root: published.root, note, file: 'checkpoint' })
    }
    if (registered === null) report('register', 'the log has no signed head')
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error
    report('checkpoints.log', error.message)
  }
  for (const note of remembered) {
    try {
      const { size, root } = openCheckpoint(note, vkey)
      roots.push({ size, root, note, file: 'remembered' })
    } catch (error) {
      if (!(error instanceof ProofError)) throw error
      report('remembered', error.message)
    }
  }
  return new SignedRoots(origin, roots, problems)
}
