import type { BodyReader } from '../protocol/body-reader.ts'
import type { BoundParameter } from '../protocol/frontend.ts'
import type { Statement, StatementCache } from './statements.ts'

/** The statement of a Parse, read behind its name and decided with the types it declares. `String text, Int16 n, Int32 type OID × n` */
export function declaredStatement(body: BodyReader, cache: StatementCache): Statement {
  const text = body.cstringBytes()
  const declaredTypes = typesIn(body.bytes(body.uint16() * bytesPerOid))
  body.finish()
  const types = declaredTypes.filter((oid) => oid >= firstOfUsers)
  const statement =
    types.length === 0 ? cache.decide(text, 0, text.length) : cache.decideTyped(text, types)
  return declaredTypes.some((oid) => oid !== 0) ? { ...statement, declaredTypes } : statement
}

/** The values with the types that their statement was declared with: by them the target reads the bytes. */
export function withTypes(
  { declaredTypes }: Statement,
  parameters: readonly BoundParameter[],
): readonly BoundParameter[] {
  if (declaredTypes === undefined) return parameters
  return parameters.map((each, index) => ({ ...each, type: declaredTypes[index] ?? 0 }))
}

const bytesPerOid = 4
/** The server gives the first oids away itself, when a database is made. */
const firstOfUsers = 16_384

/** `Int32 type OID × n` */
function typesIn(declared: Buffer): readonly number[] {
  const types: number[] = []
  for (let at = 0; at < declared.length; at += bytesPerOid) types.push(declared.readUInt32BE(at))
  return types
}
