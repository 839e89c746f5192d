import { Drawer } from '@mantine/core'
import { useLocation, useNavigate } from 'react-router'

import { ProofView } from './proof-view.tsx'

/** Open while the address names a log and a position. */
export function ProofDrawer() {
  const { search, hash } = useLocation()
  const navigate = useNavigate()
  const address = new URLSearchParams(search)
  const log = address.get('log')
  const position = address.get('proof')
  const isOpen = log !== null && position !== null && /^\d{1,15}$/.test(position)
  const close = (): void => {
    address.delete('log')
    address.delete('proof')
    void navigate({ search: address.toString(), hash }, { replace: true })
  }
  return (
    <Drawer
      opened={isOpen}
      onClose={close}
      position="right"
      size="min(760px, 100vw)"
      title={isOpen ? `Proof of position ${position}` : ''}
      closeButtonProps={{ 'aria-label': 'Close the proof' }}
    >
      {isOpen && <ProofView key={`${log} ${position}`} log={log} position={Number(position)} />}
    </Drawer>
  )
}
