import { postJson } from '../api/request.ts'
import type { Override } from '../api/shapes.ts'
import { VerdictForm } from './verdict-form.tsx'

/** What another person says of a break-glass afterwards. */
export function ReviewForm({ override }: { readonly override: Override }) {
  const { approval_id: id, binding_sha256 } = override
  return (
    <VerdictForm
      label="What you found"
      verdicts={[
        ['justified', 'It was justified'],
        ['not_justified', 'It was not'],
      ]}
      say={(verdict, reason) =>
        postJson(`/v1/overrides/${id}/review`, { verdict, reason, binding_sha256 })
      }
      failure="The review was not taken"
    />
  )
}
