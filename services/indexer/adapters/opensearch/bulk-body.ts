import type { DocumentVersion } from './bulk-reply.ts'

/** A JSON object in two parts: one by itself, and members that it has in common with others, as UTF-8 without the braces. */
export interface JsonParts {
  readonly own: string
  readonly shared: Buffer
}

export type Json = string | JsonParts

/** What is to be done with one document. */
type Verb = 'create' | 'index' | 'delete'

/** The line of a request that says what to do with a document. With a version: only if it still is the one that is there. */
export function actionLine(
  verb: Verb,
  index: string,
  id: string,
  version: DocumentVersion | null = null,
): string {
  // An object to make JSON of would cost several times as much, for each document.
  const place = `"_index":${JSON.stringify(index)},"_id":${JSON.stringify(id)}`
  if (version === null) return `{"${verb}":{${place}}}`
  const { seqNo, primaryTerm } = version
  return `{"${verb}":{${place},"if_seq_no":${seqNo},"if_primary_term":${primaryTerm}}}`
}

export function jsonText(json: Json): string {
  if (typeof json === 'string') return json
  return `${json.own.slice(0, -1)},${json.shared.toString()}}`
}

/**
 * The lines of one `_bulk` request, written as bytes one after the other, so that the texts they come from need not be kept. It takes
 * as much as it is told to and one operation in any case.
 */
export class BulkBody {
  readonly #maxBytes: number
  #bytes = Buffer.allocUnsafeSlow(firstBytes)
  #end = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Valid until `clear`. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#end)
  }

  clear(): void {
    this.#end = 0
  }

  /** False when the operation does not fit beside those that are there: it belongs in the next request. */
  add(action: string, source: Json | null): boolean {
    const start = this.#end
    this.#line(action)
    if (typeof source === 'string') this.#line(source)
    else if (source !== null) this.#joined(source)
    if (start === 0 || this.#end <= this.#maxBytes) return true
    this.#end = start
    return false
  }

  #line(text: string): void {
    // A UTF-16 unit takes 3 bytes at most.
    if (this.#end + 3 * text.length + 1 > this.#bytes.length) {
      this.#grow(this.#end + Buffer.byteLength(text) + 1)
    }
    this.#end += this.#bytes.write(text, this.#end)
    this.#bytes[this.#end++] = newline
  }

  #joined({ own, shared }: JsonParts): void {
    this.#line(own)
    // Instead of the brace and the end of the line.
    const at = this.#end - 2
    this.#grow(at + shared.length + 3)
    this.#bytes[at] = comma
    shared.copy(this.#bytes, at + 1)
    this.#end = at + 1 + shared.length
    this.#bytes[this.#end++] = brace
    this.#bytes[this.#end++] = newline
  }

  #grow(bytes: number): void {
    if (bytes <= this.#bytes.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(bytes, 2 * this.#bytes.length))
    this.#bytes.copy(grown, 0, 0, this.#end)
    this.#bytes = grown
  }
}

const firstBytes = 1 << 16
const newline = 0x0a
const comma = 0x2c
const brace = 0x7d
