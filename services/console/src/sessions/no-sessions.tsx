import { Code } from '@mantine/core'

import { NothingHere } from '../words/nothing-here.tsx'

export function NoSessions({ isFiltered }: { readonly isFiltered: boolean }) {
  if (isFiltered) {
    return (
      <NothingHere title="No session fits">
        Take away a condition, or widen the time. Target and relation must be exact; a word in the
        search box may end in * to find beginnings.
      </NothingHere>
    )
  }
  return (
    <NothingHere title="No sessions yet">
      A session appears here when somebody connects through an edge. Get a session password with{' '}
      <Code>affidavit connect TARGET</Code> and use it with the client you have.
    </NothingHere>
  )
}
