import { hash } from 'node:crypto'

/** What decides a sample. For a ledger of one log the seed is that of the report contract, line for line. */
export interface SampleInputs {
  readonly tenant: string
  readonly reportId: string
  readonly checkpoints: readonly {
    readonly origin: string
    readonly size: number
    readonly root: Buffer
  }[]
  /** Hex. */
  readonly populationDigest: string
  readonly assessorNonce: string | null
}

/** Nobody can choose it: it follows from what was sealed, and with a nonce not even the operator knew it when the log was signed. */
export function sampleSeed(inputs: SampleInputs): Buffer {
  const heads = inputs.checkpoints.map(
    ({ origin, size, root }) => `${origin}\n${size}\n${root.toString('hex')}\n`,
  )
  const text = `evidence-sample/v1\n${inputs.tenant}\n${inputs.reportId}\n${heads.join('')}${inputs.populationDigest}\n${inputs.assessorNonce ?? '-'}\n`
  return hash('sha256', text, 'buffer')
}

export interface SampleCandidate {
  /** The event's id. */
  readonly id: string
  readonly stratum: string
}

export interface Stratum {
  readonly stratum: string
  readonly population: number
  readonly sample: number
}

export interface Sample {
  readonly strata: readonly Stratum[]
  /** Places in the population, in its order. */
  readonly chosen: readonly { readonly at: number; readonly ticket: string }[]
}

/** 95 % confidence that fewer than 5 % deviate when none of 59 does. */
export const sampleSize = 59
const leastPerStratum = 5

/**
 * The consistent sampler of R. Rivest: each candidate draws a ticket that only the seed and its id decide, and the smallest win, so a
 * larger sample contains the smaller one.
 */
export function drawSample(seed: Buffer, population: readonly SampleCandidate[]): Sample {
  const byStratum = new Map<string, { at: number; id: string; ticket: string }[]>()
  population.forEach(({ id, stratum }, at) => {
    const ticket = hash('sha256', Buffer.concat([seed, Buffer.of(0), Buffer.from(id)]), 'hex')
    const drawn = byStratum.get(stratum)
    if (drawn === undefined) byStratum.set(stratum, [{ at, id, ticket }])
    else drawn.push({ at, id, ticket })
  })
  const names = [...byStratum.keys()].sort()
  const sizes = names.map((name) => byStratum.get(name)?.length ?? 0)
  const allotted = allot(sizes)
  const strata = names.map((stratum, index) => ({
    stratum,
    population: sizes[index] ?? 0,
    sample: allotted[index] ?? 0,
  }))
  const chosen = strata.flatMap(({ stratum, sample }) =>
    (byStratum.get(stratum) ?? []).sort(byTicket).slice(0, sample),
  )
  return {
    strata,
    chosen: chosen
      .sort((one, other) => one.at - other.at)
      .map(({ at, ticket }) => ({ at, ticket })),
  }
}

/** In proportion, by largest remainders, then at least five of each stratum: the sample may grow beyond its size. */
function allot(sizes: readonly number[]): readonly number[] {
  const total = sizes.reduce((sum, size) => sum + size, 0)
  if (total <= sampleSize) return sizes
  const exact = sizes.map((size) => (size * sampleSize) / total)
  const floors = exact.map((share) => Math.floor(share))
  const left = sampleSize - floors.reduce((sum, share) => sum + share, 0)
  const byRemainder = exact
    .map((share, index) => ({ index, remainder: share - Math.floor(share) }))
    .sort((one, other) => other.remainder - one.remainder || one.index - other.index)
  const extra = new Set(byRemainder.slice(0, left).map(({ index }) => index))
  return floors.map((share, index) =>
    Math.min(sizes[index] ?? 0, Math.max(leastPerStratum, share + (extra.has(index) ? 1 : 0))),
  )
}

function byTicket(
  one: { readonly ticket: string; readonly id: string },
  other: { readonly ticket: string; readonly id: string },
): number {
  const a = `${one.ticket}${one.id}`
  const b = `${other.ticket}${other.id}`
  return a < b ? -1 : a > b ? 1 : 0
}

/** The one-sided 95 % upper bound (Clopper-Pearson) of the rate of deviations when `found` of `size` deviate. */
export function upperBound(found: number, size: number): number {
  if (size === 0 || found >= size) return 1
  let low = found / size
  let high = 1
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2
    if (atMost(found, size, middle) > 0.05) low = middle
    else high = middle
  }
  return high
}

/** Probability of at most `found` of `size` at this rate. */
function atMost(found: number, size: number, rate: number): number {
  let term = (1 - rate) ** size
  let sum = term
  for (let count = 1; count <= found; count++) {
    term *= ((size - count + 1) / count) * (rate / (1 - rate))
    sum += term
  }
  return sum
}
