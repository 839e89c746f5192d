import { Title } from '@mantine/core'
import { useDocumentTitle } from '@mantine/hooks'

/** The page's heading and the window's title. */
export function PageTitle({ children }: { readonly children: string }) {
  useDocumentTitle(`${children} · Affidavit`)
  return (
    <Title order={1} size="h2">
      {children}
    </Title>
  )
}
