const bytesPerOid = 4
/** The server gives the first oids away itself, when a database is made. */
const firstOfUsers = 16_384

/** Of the types that a Parse declares for its parameters, those that are not the server's own. `Int32 type OID × n` */
export function typesOfUsers(declared: Buffer): readonly number[] {
  const types: number[] = []
  for (let at = 0; at < declared.length; at += bytesPerOid) {
    const oid = declared.readUInt32BE(at)
    if (oid >= firstOfUsers) types.push(oid)
  }
  return types
}
