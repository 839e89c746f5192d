import { useEffect } from 'react'
import { useLocation } from 'react-router'

interface GrowingList {
  readonly data: { readonly pages: readonly { statements: { requestId: string }[] }[] } | undefined
  readonly hasNextPage: boolean
  readonly isFetchingNextPage: boolean
  readonly fetchNextPage: () => Promise<unknown>
}

const mostPages = 50

/** The statement that the address points at. Reads on until it is there: it may stand far down in a long session. */
export function useAnchor(list: GrowingList): string | null {
  const { hash } = useLocation()
  const anchored = hash.startsWith('#request-') ? hash.slice('#request-'.length) : null
  const pages = list.data?.pages ?? []
  const isThere = pages.some((page) =>
    page.statements.some(({ requestId }) => requestId === anchored),
  )
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = list
  const isSought =
    anchored !== null && !isThere && hasNextPage && !isFetchingNextPage && pages.length < mostPages

  useEffect(() => {
    if (isSought) void fetchNextPage()
  }, [isSought, fetchNextPage])

  return anchored
}
