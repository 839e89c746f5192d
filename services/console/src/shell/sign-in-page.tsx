import { Button, Center, Paper, Stack, Text, Title } from '@mantine/core'
import { useLocation } from 'react-router'

/** Sign-in happens at the identity provider; it leads back to where the person was. */
export function SignInPage() {
  const { pathname, search, hash } = useLocation()
  // The api takes back paths of plain characters only.
  const here = `${pathname}${search}${hash}`.replaceAll(/[^\w\-./?=&%+:~]/g, encodeURIComponent)
  return (
    <Center mih="80vh" p="md">
      <Paper withBorder shadow="sm" p="xl" w="100%" maw={420} component="main">
        <Stack>
          <Title order={1} size="h2">
            Affidavit
          </Title>
          <Text>
            What agents and people did on the systems this installation protects, with proof that
            nothing was altered or left out.
          </Text>
          <Button component="a" href={`/auth/login?return=${encodeURIComponent(here)}`} size="md">
            Sign in
          </Button>
          <Text size="sm" c="dimmed">
            You sign in at your identity provider. Your sign-in and everything you look at here is
            recorded too.
          </Text>
        </Stack>
      </Paper>
    </Center>
  )
}
