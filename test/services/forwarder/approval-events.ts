import type { ApprovalPart, AuditEvent } from '../../../schemas/event.ts'
import type { ALog } from '../../support/a-log.ts'
import { anActor } from '../../support/an-event.ts'
import type { SealedRecord } from '../../../services/indexer/documents.ts'

/** The approval that every step below is of. */
export const approvalId = '01a22770-e77f-7000-8141-2a5a6ec08487'

/** Seals one step of an approval, at this time; it may be answered for ten minutes. */
export function sealStep(
  log: ALog,
  type: AuditEvent['type'],
  atMs: number,
  answer: ApprovalPart['answer'] = null,
  override: ApprovalPart['override'] = null,
): SealedRecord {
  return log.seal({
    type,
    occurred_at: atMs * 1000,
    actor: anActor(),
    target: { name: 'shop-db', kind: 'postgres', address: '127.0.0.1:5432' },
    approval: {
      approval_id: approvalId,
      edge: 'edge-1',
      binding_sha256: Buffer.alloc(32, 1),
      statement_sha256: Buffer.alloc(32, 2),
      parameters_sha256: Buffer.alloc(32, 3),
      database: 'shop',
      role: 'affidavit_edge',
      search_path: null,
      requirements: [
        { rule_id: 'deletes-wait', role: 'approver', approvers: 1, break_glass: null },
      ],
      expires_at: (atMs + 600_000) * 1000,
      answer,
      approvers: [],
      override,
    },
  })
}
