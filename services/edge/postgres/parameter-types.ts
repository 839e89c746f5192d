import type { BodyReader } from './protocol/body-reader.ts'
import type { Statement, StatementCache } from './statements.ts'

/** The statement of a Parse, read behind its name and decided with the types it declares. `String text, Int16 n, Int32 type OID × n` */
export function declaredStatement(body: BodyReader, cache: StatementCache): Statement {
  const text = body.cstringBytes()
  const types = typesOfUsers(body.bytes(body.uint16() * bytesPerOid))
  body.finish()
  return types.length === 0 ? cache.decide(text, 0, text.length) : cache.decideTyped(text, types)
}

const bytesPerOid = 4
/** The server gives the first oids away itself, when a database is made. */
const firstOfUsers = 16_384

/** Those that are not the server's own. */
function typesOfUsers(declared: Buffer): readonly number[] {
  const types: number[] = []
  for (let at = 0; at < declared.length; at += bytesPerOid) {
    const oid = declared.readUInt32BE(at)
    if (oid >= firstOfUsers) types.push(oid)
  }
  return types
}
