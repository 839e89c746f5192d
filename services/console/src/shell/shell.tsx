import { AppShell, Container } from '@mantine/core'
import { Outlet } from 'react-router'

import { ProofDrawer } from '../proof/proof-drawer.tsx'
import { Header } from './header.tsx'
import { SignedIn } from './signed-in.tsx'

export function Shell() {
  return (
    <SignedIn>
      {(me) => (
        <AppShell header={{ height: { base: 88, md: 56 } }} padding="md">
          <a className="skip-link" href="#content">
            Skip to the content
          </a>
          <AppShell.Header>
            <Header me={me} />
          </AppShell.Header>
          <AppShell.Main id="content" tabIndex={-1}>
            <Container size={1600} p={0}>
              <Outlet />
              <ProofDrawer />
            </Container>
          </AppShell.Main>
        </AppShell>
      )}
    </SignedIn>
  )
}
