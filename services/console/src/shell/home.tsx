import { useQuery } from '@tanstack/react-query'
import { Navigate } from 'react-router'

import { whoIsSignedIn } from '../api/questions.ts'
import { pagesOf } from './pages.ts'

/** Leads to the first page that is open to whoever is signed in */
export function Home() {
  const { data: me } = useQuery(whoIsSignedIn)
  if (me === undefined) return null
  const [first] = pagesOf(me)
  return first === undefined ? null : <Navigate to={first.path} replace />
}
