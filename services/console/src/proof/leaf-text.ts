import { fromBase64 } from './hashing.ts'

/** The leaf indented for reading; the bytes that are hashed have no spaces. */
export function leafText(leafBase64: string): string {
  const text = new TextDecoder().decode(fromBase64(leafBase64))
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}
