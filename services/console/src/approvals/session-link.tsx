import { Anchor } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'

import { whoIsSignedIn } from '../api/questions.ts'
import { readsSessions } from '../shell/pages.ts'

/** To where it was asked, for those who may look there. */
export function SessionLink({ id }: { readonly id: string | null }) {
  const { data: me } = useQuery(whoIsSignedIn)
  if (id === null || me === undefined || !readsSessions(me)) return null
  return (
    <Anchor component={Link} to={`/sessions/${id}`} size="sm">
      The session it comes from
    </Anchor>
  )
}
