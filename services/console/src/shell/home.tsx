import { useQuery } from '@tanstack/react-query'
import { Navigate } from 'react-router'

import { whoIsSignedIn } from '../api/questions.ts'
import { NoRole } from './no-role.tsx'
import { pagesOf } from './pages.ts'

/** Leads to the first page that is open to whoever is signed in, and says so where there is none. */
export function Home() {
  const { data: me } = useQuery(whoIsSignedIn)
  if (me === undefined) return null
  const [first] = pagesOf(me)
  return first === undefined ? <NoRole me={me} /> : <Navigate to={first.path} replace />
}
