import { writeShape } from '../../services/edge/postgres/statements/statement-shape.ts'

/** The shape of a statement, which lies between others here; null where it has none. */
export function shapeOf(text: string): string | null {
  const before = Buffer.from("1'")
  const bytes = Buffer.from(text)
  const within = Buffer.concat([before, bytes, before])
  const shape = Buffer.alloc(bytes.length)
  const length = writeShape(within, before.length, before.length + bytes.length, shape)
  return length < 0 ? null : shape.toString('latin1', 0, length)
}
