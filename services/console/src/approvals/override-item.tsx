import { Paper, Stack, Text, Title } from '@mantine/core'

import type { Override } from '../api/shapes.ts'
import { CopiedText } from '../words/copied-text.tsx'
import { Time } from '../words/time.tsx'
import { BoundValues } from './bound-values.tsx'
import { ReviewForm } from './review-form.tsx'
import { ReviewLine } from './review-line.tsx'
import { SessionLink } from './session-link.tsx'

export function OverrideItem({ override }: { readonly override: Override }) {
  const { by, requester, on_behalf_of: behind, target, reviewer_roles: roles } = override
  const name = by.display ?? by.subject
  return (
    <li>
      <Paper
        withBorder
        p="md"
        component="article"
        aria-label={`Break-glass by ${name} at ${target}`}
        style={{ borderColor: 'var(--mantine-color-orange-6)' }}
      >
        <Stack gap="sm">
          <div>
            <Title order={3} size="h4">
              {name} on {target}
            </Title>
            <Text size="sm">
              asked by{' '}
              {[requester, ...behind].map((each) => each.display ?? each.subject).join(' for ')}
            </Text>
            <Text size="xs" c="dimmed">
              the glass was broken <Time ms={Date.parse(override.overridden_at)} />
            </Text>
          </div>
          {override.statement === null ? (
            <Text size="sm">What ran was erased; its digest is in the ledger.</Text>
          ) : (
            <CopiedText label="Statement" text={override.statement} />
          )}
          <BoundValues parameters={override.parameters} />
          <Text size="sm">
            Break-glass by {name}: {override.reason}
          </Text>
          <ReviewLine {...override} />
          <SessionLink id={override.session_id} />
          {override.may_review ? (
            <ReviewForm override={override} />
          ) : (
            <Text size="sm" c="dimmed">
              Somebody else with the role {roles.join(' or ')} reviews it.
            </Text>
          )}
        </Stack>
      </Paper>
    </li>
  )
}
