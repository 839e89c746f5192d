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
    if (this.#count * 2 >= this.#slots) this.#grow()
    // Growing has read other ids.
    readWords(id)
    this.#put(position)
    this.#count += 1
  }

  #put(position: number): void {
    const slot = this.#slotOf()
    this.#words.set(words, slot * 4)
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
    for (const [slot, position] of before.positions.entries()) {
      if (position === -1) continue
      words.set(before.words.subarray(slot * 4, slot * 4 + 4))
      this.#put(position)
    }
  }
}

/** The id that was read last. One thread, no await between. */
const words = new Uint32Array(4)
const uuidLength = 36
const dash = 0x2d

/** Whether the text is a UUID with its digits in lower case; then `words` holds it. */
function readWords(id: string): boolean {
  if (id.length !== uuidLength) return false
  let word = 0
  let digits = 0
  for (let at = 0; at < uuidLength; at += 1) {
    const code = id.charCodeAt(at)
    if (at === 8 || at === 13 || at === 18 || at === 23) {
      if (code !== dash) return false
      continue
    }
    const digit = code < 0x3a ? code - 0x30 : code - 0x57
    if (digit < 0 || digit > 15 || (code >= 0x3a && digit < 10)) return false
    word = (word << 4) | digit
    digits += 1
    if (digits % 8 === 0) words[digits / 8 - 1] = word
  }
  return true
}
