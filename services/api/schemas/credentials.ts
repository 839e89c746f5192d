import { Type } from 'typebox'

export const CredentialRequest = Type.Object(
  {
    target: Type.String({ minLength: 1, maxLength: 63 }),
    database: Type.Optional(Type.String({ minLength: 1, maxLength: 63 })),
    purpose: Type.Optional(Type.String({ minLength: 1, maxLength: 500 })),
  },
  { additionalProperties: false },
)

/** A session password with all a client needs to use it. It is shown once. */
export const SessionPassword = Type.Object({
  credential_id: Type.String(),
  target: Type.String(),
  host: Type.String(),
  port: Type.Integer(),
  database: Type.String(),
  user: Type.String(),
  password: Type.String(),
  /** The certificate that the edge's TLS is checked against. */
  ca_pem: Type.String(),
  expires_at: Type.String({ description: 'RFC 3339, UTC' }),
})

export type SessionPassword = Type.Static<typeof SessionPassword>
