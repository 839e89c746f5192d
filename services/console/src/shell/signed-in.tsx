import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'

import { isNotSignedIn } from '../api/problem-error.ts'
import { whoIsSignedIn } from '../api/questions.ts'
import type { SignedIn as Me } from '../api/shapes.ts'
import { Loading } from '../words/loading.tsx'
import { ProblemAlert } from '../words/problem-alert.tsx'
import { SignInPage } from './sign-in-page.tsx'

/** Shows its children to somebody who is signed in, and to everybody else the way to sign in. */
export function SignedIn({ children }: { readonly children: (me: Me) => ReactNode }) {
  const { data, error, refetch } = useQuery(whoIsSignedIn)
  if (isNotSignedIn(error)) return <SignInPage />
  if (data !== undefined) return children(data)
  if (error !== null) {
    return (
      <ProblemAlert
        what="Whether you are signed in could not be found out"
        error={error}
        retry={() => void refetch()}
      />
    )
  }
  return <Loading what="Finding out who is signed in …" />
}
