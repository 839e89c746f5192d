import { Anchor } from '@mantine/core'
import { Link, useLocation } from 'react-router'

interface ProofLinkProps {
  readonly log: string
  readonly position: number
}

/** Opens the proof beside the page that cites the entry. Stands in the address, so that it can be sent to somebody. */
export function ProofLink({ log, position }: ProofLinkProps) {
  const { search, hash } = useLocation()
  const address = new URLSearchParams(search)
  address.set('log', log)
  address.set('proof', String(position))
  return (
    <Anchor
      component={Link}
      to={{ search: address.toString(), hash }}
      inherit
      className="numbers"
      title={log}
      aria-label={`Proof of position ${position} in ${log}`}
    >
      position {position}
    </Anchor>
  )
}
