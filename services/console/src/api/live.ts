import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'

import { whoIsSignedIn } from './questions.ts'
import { getJson } from './request.ts'
import type { ActivityAnswer } from './shapes.ts'

export type LiveState = 'off' | 'connecting' | 'on' | 'lost'

const hourMs = 3_600_000
const betweenLooksMs = 1_000
const betweenAsksMs = 30_000
const shownByPages = ['sessions', 'session', 'statements', 'activity']

/**
 * Keeps what is shown as new as the index. Each look at sessions is itself an event that moves the index, so "the index moved" alone
 * would make the page ask for ever: it asks again only when the counts of statements changed, which are not recorded as a look, or
 * after half a minute for sessions that began or ended without any.
 */
export function useLive(isOn: boolean): LiveState {
  const client = useQueryClient()
  const [connection, setConnection] = useState<Exclude<LiveState, 'off'>>('connecting')

  useEffect(() => {
    if (!isOn) return
    const stopped = new AbortController()
    let counts: string | null = null
    let askedAtMs = Date.now()
    let lookedAtMs = 0
    let isWaiting = false

    const askAgain = (): void => {
      askedAtMs = Date.now()
      for (const name of shownByPages) void client.invalidateQueries({ queryKey: [name] })
    }
    const look = async (): Promise<void> => {
      isWaiting = false
      lookedAtMs = Date.now()
      const from = Math.floor(Date.now() / hourMs) * hourMs - hourMs
      const found = await getJson<ActivityAnswer>('/v1/activity', { from }, stopped.signal).catch(
        () => null,
      )
      if (found === null) return
      const now = JSON.stringify(found.buckets)
      const isChanged = counts !== null && counts !== now
      counts = now
      if (isChanged || Date.now() - askedAtMs > betweenAsksMs) askAgain()
    }

    const source = new EventSource('/v1/live')
    source.addEventListener('open', () => {
      setConnection('on')
    })
    source.addEventListener('error', () => {
      const isLost = source.readyState === EventSource.CLOSED
      setConnection(isLost ? 'lost' : 'connecting')
      // Perhaps nobody is signed in any more.
      if (isLost) void client.invalidateQueries({ queryKey: whoIsSignedIn.queryKey })
    })
    source.addEventListener('progress', () => {
      if (isWaiting) return
      isWaiting = true
      // At once, but for a look that was just made.
      setTimeout(
        () => {
          if (!stopped.signal.aborted) void look()
        },
        Math.max(0, lookedAtMs + betweenLooksMs - Date.now()),
      )
    })
    return () => {
      stopped.abort()
      source.close()
      setConnection('connecting')
    }
  }, [client, isOn])

  return isOn ? connection : 'off'
}
