import { postJson } from '../api/request.ts'
import type { Approval } from '../api/shapes.ts'
import type { TakenAnswer } from './answer-taken.tsx'
import { VerdictForm } from './verdict-form.tsx'

interface AnswerFormProps {
  readonly approval: Approval
  readonly onAnswer: (answer: TakenAnswer) => void
}

export function AnswerForm({ approval, onAnswer }: AnswerFormProps) {
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
      onSaid={(verdict) => {
        onAnswer({ approval, verdict })
      }}
      failure="The answer was not taken"
    />
  )
}
