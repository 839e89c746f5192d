import { Anchor, Stack } from '@mantine/core'
import { Link } from 'react-router'

import type { SignedIn } from '../api/shapes.ts'
import { NothingHere } from '../words/nothing-here.tsx'
import { PageTitle } from './page-title.tsx'

/** For whoever is signed in and may see nothing. */
export function NoRole({ me }: { readonly me: SignedIn }) {
  return (
    <Stack>
      <PageTitle>Welcome</PageTitle>
      <NothingHere title="Nothing here is for you yet">
        You are signed in as {me.display ?? me.subject}, with no role in this console. Roles come
        with the groups of your identity provider: identity.roles of the configuration says which
        group makes whom an analyst, an auditor or an approver. To work on a target you need none:
        use affidavit connect. What was held of what you, or agents for you, ask is under{' '}
        <Anchor component={Link} to="/approvals">
          Approvals
        </Anchor>
        .
      </NothingHere>
    </Stack>
  )
}
