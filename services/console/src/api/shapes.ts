import type { Static } from 'typebox'

import type {
  ApprovalHistoryView,
  ApprovalList,
  ApprovalStepView,
  ApprovalView,
  OverrideList,
  OverrideView,
  SessionApprovals,
} from '../../../api/schemas/approvals.ts'
import type { EntryView, ProofView, RecordedResult } from '../../../api/schemas/entries.ts'
import type { LockoutList } from '../../../api/schemas/lockouts.ts'
import type { Me } from '../../../api/schemas/identity.ts'
import type { ReportRun, ReportRuns } from '../../../api/schemas/reports.ts'
import type {
  Activity,
  ActorView,
  HitPage,
  HitView,
  SessionPage,
  SessionView,
  StatementPage,
  StatementView,
} from '../../../api/schemas/sessions.ts'

/** What the api answers: the types of its own schemas, so that the two cannot drift apart. */
export type Approval = Static<typeof ApprovalView>
export type Approvals = Static<typeof ApprovalList>
export type ApprovalHistory = Static<typeof ApprovalHistoryView>
export type ApprovalStep = Static<typeof ApprovalStepView>
export type ApprovalHistories = Static<typeof SessionApprovals>
export type Override = Static<typeof OverrideView>
export type Overrides = Static<typeof OverrideList>
export type { LockoutList as Lockouts }
export type Lockout = LockoutList['lockouts'][number]
export type SignedIn = Static<typeof Me>
export type Actor = Static<typeof ActorView>
export type Session = Static<typeof SessionView>
export type Sessions = Static<typeof SessionPage>
export type Statement = Static<typeof StatementView>
export type Statements = Static<typeof StatementPage>
export type SearchHit = Static<typeof HitView>
export type SearchHits = Static<typeof HitPage>
export type ActivityAnswer = Static<typeof Activity>
export type ActivityBucket = ActivityAnswer['buckets'][number]
export type Entry = Static<typeof EntryView>
export type Proof = Static<typeof ProofView>
export type RecordedRows = Static<typeof RecordedResult>
export type { ReportRun, ReportRuns }
