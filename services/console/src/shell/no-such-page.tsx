import { Anchor } from '@mantine/core'
import { Link } from 'react-router'

import { NothingHere } from '../words/nothing-here.tsx'

export function NoSuchPage() {
  return (
    <NothingHere title="There is no such page">
      Go to{' '}
      <Anchor component={Link} to="/">
        the first page
      </Anchor>
      .
    </NothingHere>
  )
}
