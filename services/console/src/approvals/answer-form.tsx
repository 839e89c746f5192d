import { postJson } from '../api/request.ts'
import type { Approval } from '../api/shapes.ts'
import { VerdictForm } from './verdict-form.tsx'

export function AnswerForm({ approval }: { readonly approval: Approval }) {
  const { approval_id: id, binding_sha256 } = approval
  return (
    <VerdictForm
      label="Reason"
      verdicts={[
        ['grant', 'Approve'],
        ['deny', 'Deny'],
      ]}
      say={(verdict, reason) =>
        postJson(`/v1/approvals/${id}/answers`, { verdict, reason, binding_sha256 })
      }
      failure="The answer was not taken"
    />
  )
}
