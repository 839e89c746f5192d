import { Route, Routes } from 'react-router'

import { ApprovalsPage } from './approvals/approvals-page.tsx'
import { LockoutsPage } from './lockouts/lockouts-page.tsx'
import { ReportsPage } from './reports/reports-page.tsx'
import { SearchPage } from './search/search-page.tsx'
import { SessionPage } from './session/session-page.tsx'
import { SessionsPage } from './sessions/sessions-page.tsx'
import { Home } from './shell/home.tsx'
import { NoSuchPage } from './shell/no-such-page.tsx'
import { Shell } from './shell/shell.tsx'

export function App() {
  return (
    <Routes>
      <Route element={<Shell />}>
        <Route index element={<Home />} />
        <Route path="sessions" element={<SessionsPage />} />
        <Route path="sessions/:id" element={<SessionPage />} />
        <Route path="search" element={<SearchPage />} />
        <Route path="approvals" element={<ApprovalsPage />} />
        <Route path="lockouts" element={<LockoutsPage />} />
        <Route path="reports" element={<ReportsPage />} />
        <Route path="*" element={<NoSuchPage />} />
      </Route>
    </Routes>
  )
}
