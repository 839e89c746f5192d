import '@mantine/core/styles.css'
import './words/words.css'
import './shell/shell.css'
import './session/session.css'
import './sessions/sessions.css'

import { MantineProvider } from '@mantine/core'
import { QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { BrowserRouter } from 'react-router'

import { isNotSignedIn, ProblemError } from './api/problem-error.ts'
import { whoIsSignedIn } from './api/questions.ts'
import { App } from './app.tsx'
import { readableVariables, theme } from './theme.ts'

const client: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    // A sign-in that ended is found out by whatever is asked next.
    onError: (error, query) => {
      if (isNotSignedIn(error) && query.queryKey[0] !== 'me') {
        void client.resetQueries({ queryKey: whoIsSignedIn.queryKey })
      }
    },
  }),
  defaultOptions: {
    queries: {
      // Each look is recorded: coming back to the window is no reason for another.
      refetchOnWindowFocus: false,
      staleTime: 5_000,
      retry: (failures, error) =>
        failures < 2 &&
        error instanceof ProblemError &&
        (error.status === 0 || error.status >= 502),
    },
  },
})

const root = document.getElementById('root')
if (root === null) throw new Error('the page has no element with the id root')
createRoot(root).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      cssVariablesResolver={readableVariables}
      defaultColorScheme="auto"
    >
      <QueryClientProvider client={client}>
        <BrowserRouter>
          <App />
        </BrowserRouter>
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
)
