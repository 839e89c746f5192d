import type { Random } from './random.ts'

export interface MutationSource {
  readonly random: Random
  readonly words: readonly string[]
  readonly maxBytes: number
  /** Another input of the corpus. */
  readonly another: () => Buffer
}

/** The words of a text, which blanks and line ends part. */
export function wordsOf(text: string): readonly string[] {
  return text.split(/[ \n]+/).filter((word) => word !== '')
}

type Mutation = (input: Buffer, source: MutationSource) => Buffer

/** A few changes to a copy of `input`, one on top of the other. */
export function mutate(input: Buffer, source: MutationSource): Buffer {
  let changed = Buffer.from(input)
  for (let left = source.random.small(5); left > 0; left--) {
    changed = Buffer.from(source.random.of(mutations)(changed, source))
  }
  return changed.subarray(0, source.maxBytes)
}

const flipBit: Mutation = (input, { random }) => {
  if (input.length > 0) {
    const at = random.below(input.length)
    input[at] = (input[at] ?? 0) ^ (1 << random.below(8))
  }
  return input
}

const setByte: Mutation = (input, { random }) => {
  if (input.length > 0) input[random.below(input.length)] = random.below(256)
  return input
}

const setPrintable: Mutation = (input, { random }) => {
  if (input.length > 0) input[random.below(input.length)] = 0x20 + random.below(0x5f)
  return input
}

/** Lengths and counts are where decoders go wrong: their ends, and one more or less than they are. */
const setNumber: Mutation = (input, { random }) => {
  const width = random.of([1, 2, 4] as const)
  if (input.length < width) return input
  const at = random.below(input.length - width + 1)
  const now = input.readUIntBE(at, width)
  const most = 2 ** (8 * width) - 1
  const interesting = [0, 1, now + 1, now - 1, most, most >> 1, (most >>> 1) + 1, input.length - at]
  const next = random.of(interesting)
  input.writeUIntBE(((next % (most + 1)) + most + 1) % (most + 1), at, width)
  return input
}

const insertBytes: Mutation = (input, { random }) => {
  const at = random.below(input.length + 1)
  const added = Buffer.alloc(random.small(16), random.below(256))
  return Buffer.concat([input.subarray(0, at), added, input.subarray(at)])
}

const removeBytes: Mutation = (input, { random }) => {
  const { start, end } = sliceOf(input, random)
  return Buffer.concat([input.subarray(0, start), input.subarray(end)])
}

const repeatBytes: Mutation = (input, { random, maxBytes }) => {
  const { start, end } = sliceOf(input, random)
  const part = input.subarray(start, end)
  const times = Math.min(random.small(64), Math.ceil(maxBytes / Math.max(1, part.length)))
  const repeated = Array.from({ length: times }, () => part)
  return Buffer.concat([input.subarray(0, end), ...repeated, input.subarray(end)])
}

const cut: Mutation = (input, { random }) => input.subarray(0, random.below(input.length + 1))

const insertWord: Mutation = (input, { random, words }) => {
  const at = random.below(input.length + 1)
  return Buffer.concat([input.subarray(0, at), wordOf(words, random), input.subarray(at)])
}

const replaceByWord: Mutation = (input, { random, words }) => {
  const { start, end } = sliceOf(input, random)
  return Buffer.concat([input.subarray(0, start), wordOf(words, random), input.subarray(end)])
}

/** Some with a blank or a line end behind it. */
function wordOf(words: readonly string[], random: Random): Buffer {
  if (words.length === 0) return Buffer.alloc(0)
  return Buffer.from(random.of(words) + random.of(['', '', ' ', '\n']), 'latin1')
}

const takeFromAnother: Mutation = (input, { random, another }) => {
  const other = another()
  const here = sliceOf(input, random)
  const there = sliceOf(other, random)
  return Buffer.concat([
    input.subarray(0, here.start),
    other.subarray(there.start, there.end),
    input.subarray(here.end),
  ])
}

const followByAnother: Mutation = (input, { another }) => Buffer.concat([input, another()])

function sliceOf(input: Buffer, random: Random): { readonly start: number; readonly end: number } {
  const start = random.below(input.length + 1)
  const left = input.length - start
  return { start, end: left === 0 ? start : start + Math.min(left, random.small(64)) }
}

const mutations: readonly Mutation[] = [
  flipBit,
  setByte,
  setPrintable,
  setNumber,
  setNumber,
  insertBytes,
  removeBytes,
  removeBytes,
  repeatBytes,
  cut,
  insertWord,
  insertWord,
  replaceByWord,
  replaceByWord,
  takeFromAnother,
  takeFromAnother,
  followByAnother,
]
