import type { UseQueryResult } from '@tanstack/react-query'

import { Loading } from './loading.tsx'
import { ProblemAlert } from './problem-alert.tsx'

interface ReadingProps {
  /** What is read, as it stands after "the". */
  readonly what: string
  readonly question: Pick<UseQueryResult, 'data' | 'error' | 'refetch'>
}

/** Stands where an answer will be: that it is being read, or why it could not be, with a way to ask again. */
export function Reading({ what, question: { data, error, refetch } }: ReadingProps) {
  if (error !== null) {
    return (
      <ProblemAlert
        what={`The ${what} could not be read`}
        error={error}
        retry={() => void refetch()}
      />
    )
  }
  return data === undefined ? <Loading what={`Reading the ${what} …`} /> : null
}
