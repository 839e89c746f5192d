import { Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'

import { lockoutsInForce } from '../api/questions.ts'
import { PageTitle } from '../shell/page-title.tsx'
import { NothingHere } from '../words/nothing-here.tsx'
import { Reading } from '../words/reading.tsx'
import { LockoutItem } from './lockout-item.tsx'
import { LockOutByName } from './lock-out-by-name.tsx'

/** Who and what is locked out now, with the way back in. */
export function LockoutsPage() {
  const question = useQuery(lockoutsInForce)
  const { data } = question
  return (
    <Stack>
      <PageTitle>Lockouts</PageTitle>
      <Text maw="75ch">
        An actor that is locked out has no sessions and begins none, nor does anybody who acts for
        it; a target that is closed has none of anybody. Both last until they are lifted. The page
        of a session ends that session alone.
      </Text>
      <LockOutByName />
      <Reading what="lockouts" question={question} />
      {data?.lockouts.length === 0 && (
        <NothingHere title="Nothing is locked out">Everybody may begin sessions.</NothingHere>
      )}
      <Stack component="ol" p={0} m={0} style={{ listStyle: 'none' }}>
        {data?.lockouts.map((lockout) => (
          <LockoutItem
            key={`${lockout.subject} ${lockout.issuer ?? ''} ${lockout.name}`}
            lockout={lockout}
          />
        ))}
      </Stack>
    </Stack>
  )
}
