import { Type } from 'typebox'

import { lockoutSubjects } from '../../../schemas/control.ts'
import type { LockoutSubject } from '../../../schemas/control.ts'
import { nullable } from './nullable.ts'

const subject = Type.Unsafe<LockoutSubject>(
  Type.Union(lockoutSubjects.map((each) => Type.Literal(each))),
)

export const LockoutRequest = Type.Object(
  {
    subject,
    name: Type.String({
      minLength: 1,
      maxLength: 255,
      description: 'The id of the session, the subject of the actor, or the name of the target',
    }),
    issuer: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 255,
        description: 'Of an actor; default: our issuer',
      }),
    ),
    reason: Type.String({ minLength: 1, maxLength: 500 }),
  },
  { additionalProperties: false },
)

export type LockoutRequest = Type.Static<typeof LockoutRequest>

export const LockoutView = Type.Object({
  subject,
  name: Type.String(),
  issuer: nullable(Type.String()),
  reason: Type.String(),
  since: Type.String({ description: 'RFC 3339, UTC' }),
})

export const LockoutList = Type.Object({ lockouts: Type.Array(LockoutView) })

export type LockoutList = Type.Static<typeof LockoutList>
