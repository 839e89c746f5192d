import { Anchor } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'

import { whoIsSignedIn } from '../api/questions.ts'
import { readsSessions } from '../shell/pages.ts'

interface SessionLinkProps {
  readonly id: string | null
  readonly requestId?: string | null
}

/** To the statement where it was asked, for those who may look there. */
export function SessionLink({ id, requestId = null }: SessionLinkProps) {
  const { data: me } = useQuery(whoIsSignedIn)
  if (id === null || me === undefined || !readsSessions(me)) return null
  return (
    <Anchor
      component={Link}
      to={`/sessions/${id}${requestId === null ? '' : `#request-${requestId}`}`}
      size="sm"
    >
      The session it comes from
    </Anchor>
  )
}
