/**
 * Positions by event id. An id is a UUID, and is kept as its four words in typed arrays: a Map of as many strings takes ten times the
 * memory, all of which the garbage collector walks through again and again. What is no UUID in its usual form is kept as it is.
 */
export class PositionTable {
  readonly #others = new Map<string, number>()
  #count = 0
  #slots: number
  /** Four words for each slot, and the position; -1 where the slot is free. Never more than half of them are taken. */
  #words: Uint32Array
  #positions: Float64Array

  constructor(slots = 1024) {
    this.#slots = slots
    this.#words = new Uint32Array(slots * 4)
    this.#positions = new Float64Array(slots).fill(-1)
  }

  get size(): number {
    return this.#count + this.#others.size
  }

  get(id: string): number | undefined {
    if (!readWords(id)) return this.#others.get(id)
    const position = this.#positions[this.#slotOf()] ?? -1
    return position === -1 ? undefined : position
  }

  /** An id that is not here yet. */
  add(id: string, position: number): void {
    if (!readWords(id)) {
      this.#others.set(id, position)
      return
    }
    if (this.#count * 2 >= this.#slots) {
      this.#grow()
      // Growing has read other ids.
      readWords(id)
    }
    this.#put(position)
    this.#count += 1
  }

  #put(position: number): void {
    const slot = this.#slotOf()
    for (let word = 0; word < 4; word += 1) this.#words[slot * 4 + word] = words[word] ?? 0
    this.#positions[slot] = position
  }

  /** Where the id in `words` stands, or would. */
  #slotOf(): number {
    const a = words[0] ?? 0
    const b = words[1] ?? 0
    const c = words[2] ?? 0
    const d = words[3] ?? 0
    const mixed = Math.imul(a ^ Math.imul(b, 0x9e3779b1), 0x85ebca6b) ^ Math.imul(c, 0xc2b2ae35) ^ d
    const mask = this.#slots - 1
    let slot = (mixed ^ (mixed >>> 15)) & mask
    for (; this.#positions[slot] !== -1; slot = (slot + 1) & mask) {
      const at = slot * 4
      const kept = this.#words
      if (kept[at] === a && kept[at + 1] === b && kept[at + 2] === c && kept[at + 3] === d) break
    }
    return slot
  }

  #grow(): void {
    const before = { words: this.#words, positions: this.#positions }
    this.#slots *= 2
    this.#words = new Uint32Array(this.#slots * 4)
    this.#positions = new Float64Array(this.#slots).fill(-1)
    lastRead = null
    for (let slot = 0; slot < before.positions.length; slot += 1) {
      const position = before.positions[slot] ?? -1
      if (position === -1) continue
      for (let word = 0; word < 4; word += 1) words[word] = before.words[slot * 4 + word] ?? 0
      this.#put(position)
    }
  }
}

/** The id that was read last: it is asked for in one table after the other, then added. One thread, no await between. */
const words = new Uint32Array(4)
let lastRead: string | null = null
const uuidLength = 36
const dash = 0x2d

/** What a digit of lower case is worth, -1 for anything else. */
const digits = new Int8Array(128).fill(-1)
for (let value = 0; value < 16; value += 1) digits[value.toString(16).charCodeAt(0)] = value

/** Whether the text is a UUID with its digits in lower case; then `words` holds it. */
function readWords(id: string): boolean {
  if (id === lastRead) return true
  lastRead = null
  if (id.length !== uuidLength) return false
  for (let at = 8; at <= 23; at += 5) if (id.charCodeAt(at) !== dash) return false
  const a = readFour(id, 0)
  const b = readFour(id, 4)
  const c = readFour(id, 9)
  const d = readFour(id, 14)
  const e = readFour(id, 19)
  const f = readFour(id, 24)
  const g = readFour(id, 28)
  const h = readFour(id, 32)
  if ((a | b | c | d | e | f | g | h) < 0) return false
  words[0] = (a << 16) | b
  words[1] = (c << 16) | d
  words[2] = (e << 16) | f
  words[3] = (g << 16) | h
  lastRead = id
  return true
}

/** Four digits from `at` on; negative when one of them is none. */
function readFour(id: string, at: number): number {
  return (
    (valueOf(id, at) << 12) |
    (valueOf(id, at + 1) << 8) |
    (valueOf(id, at + 2) << 4) |
    valueOf(id, at + 3)
  )
}

function valueOf(id: string, at: number): number {
  return digits[id.charCodeAt(at)] ?? -1
}
