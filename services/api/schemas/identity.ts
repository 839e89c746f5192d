import { Type } from 'typebox'

import { nullable } from './nullable.ts'

/** What a client needs to sign in; no secret. */
export const IdentityView = Type.Object({
  issuer: Type.String(),
  audience: Type.String(),
  cli_client_id: Type.String(),
  targets: Type.Array(
    Type.Object({ name: Type.String(), kind: Type.String(), audience: Type.String() }),
  ),
})

export const Me = Type.Object({
  subject: Type.String(),
  display: nullable(Type.String()),
  groups: Type.Array(Type.String()),
  roles: Type.Array(Type.String()),
  kind: Type.String(),
})
