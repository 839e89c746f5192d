import { Type } from 'typebox'

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
  reason: Type.Union([Type.String(), Type.Null()], { description: 'Why it failed' }),
  generatedAt: Type.Union([Type.String(), Type.Null()]),
  /** Number of exceptions, null until it is done. */
  exceptions: Type.Union([Type.Number(), Type.Null()]),
  population: Type.Union([Type.Number(), Type.Null()]),
  bundleSha256: Type.Union([Type.String(), Type.Null()]),
  bundleBytes: Type.Union([Type.Number(), Type.Null()]),
  /** SHA-256 of the signing key, for `affidavit verify --key`. */
  keyFingerprint: Type.Union([Type.String(), Type.Null()]),
  determinations: Type.Array(
    Type.Object({ objective: Type.String(), determination: Type.String(), summary: Type.String() }),
  ),
})

export const ReportRuns = Type.Object({ reports: Type.Array(ReportRun) })

export type ReportRun = Type.Static<typeof ReportRun>
export type ReportRuns = Type.Static<typeof ReportRuns>
