import { Type } from 'typebox'

import { nullable } from './nullable.ts'

export const ReportRequest = Type.Object(
  {
    control: Type.Enum(['au-2']),
    from: Type.Optional(
      Type.String({ description: 'RFC 3339; default is 24 hours before the end' }),
    ),
    to: Type.Optional(Type.String({ description: 'RFC 3339; default is now' })),
  },
  { additionalProperties: false },
)

/** A report that is being made, was made, or failed. */
export const ReportRun = Type.Object({
  id: Type.String(),
  control: Type.String(),
  title: Type.String(),
  revision: Type.Integer(),
  from: Type.String({ description: 'RFC 3339, UTC' }),
  to: Type.String({ description: 'RFC 3339, UTC' }),
  trigger: Type.Enum(['schedule', 'catch_up', 'ad_hoc']),
  state: Type.Enum(['running', 'done', 'failed']),
  progress: Type.Object({ phase: Type.String(), done: Type.Number(), total: Type.Number() }),
  reason: nullable(Type.String(), { description: 'Why it failed' }),
  generatedAt: nullable(Type.String()),
  /** Number of exceptions, null until it is done. */
  exceptions: nullable(Type.Number()),
  population: nullable(Type.Number()),
  bundleSha256: nullable(Type.String()),
  bundleBytes: nullable(Type.Number()),
  /** SHA-256 of the signing key, for `affidavit verify --key`. */
  keyFingerprint: nullable(Type.String()),
  determinations: Type.Array(
    Type.Object({ objective: Type.String(), determination: Type.String(), summary: Type.String() }),
  ),
})

export const ReportRuns = Type.Object({ reports: Type.Array(ReportRun) })

export type ReportRun = Type.Static<typeof ReportRun>
export type ReportRuns = Type.Static<typeof ReportRuns>
