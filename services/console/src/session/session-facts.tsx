import { Paper, SimpleGrid, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'

import { oneEntry } from '../api/questions.ts'
import type { Session } from '../api/shapes.ts'
import { ProofLink } from '../proof/proof-link.tsx'
import { SessionState } from '../sessions/session-state.tsx'
import { ActorName } from '../words/actor-name.tsx'
import { CopiedId } from '../words/copied-id.tsx'
import { count, counted, durationMs } from '../words/quantities.ts'
import { Time } from '../words/time.tsx'
import { startedEvent } from './started-event.ts'

/** Who did this, for whom, where, from where, under which policy, and when. */
export function SessionFacts({ session }: { readonly session: Session }) {
  const { data: entry } = useQuery(oneEntry(session.log, session.position))
  const started = startedEvent(entry?.event)
  const { actor } = session
  return (
    <Paper withBorder p="md" component="section" aria-label="About this session">
      <SimpleGrid component="dl" cols={{ base: 2, md: 4 }} spacing="md" m={0}>
        <Fact name="Actor">
          <ActorName actor={actor} />
          <Small>subject {actor.subject}</Small>
        </Fact>
        <Fact name="Runtime">
          {actor.runtime === null
            ? (actor.client ?? 'not said')
            : [actor.runtime.name, actor.runtime.version, actor.runtime.model]
                .filter(Boolean)
                .join(', ')}
          {started.application !== null && <Small>application {started.application}</Small>}
        </Fact>
        <Fact name="Target">
          {session.target}
          {session.database === null ? '' : `, database ${session.database}`}
          <Small>
            {session.protocol} at {session.producer}
            {started.role === null ? '' : `, as role ${started.role}`}
          </Small>
        </Fact>
        <Fact name="Source">
          {session.sourceAddress}
          <Small>{entry === undefined ? '' : (started.tls ?? 'without TLS')}</Small>
        </Fact>
        <Fact name="Started">
          <Time ms={session.startedAtMs} />
          <Small>
            <ProofLink log={session.log} position={session.position} />
          </Small>
        </Fact>
        <Fact name="Ended">
          {session.endedAtMs === null ? (
            <SessionState endedAtMs={null} outcome={null} />
          ) : (
            <>
              <Time ms={session.endedAtMs} />
              <Small>
                {session.outcome ?? 'unknown'} after{' '}
                {durationMs(session.endedAtMs - session.startedAtMs)}
              </Small>
            </>
          )}
        </Fact>
        <Fact name="Purpose">{started.purpose ?? 'not said'}</Fact>
        <Fact name="Counts">
          {counted(session.statements, 'statement')}, {count(session.held)} held,{' '}
          {count(session.blocked)} blocked, {counted(session.errors, 'error')},{' '}
          {counted(session.rows, 'row')}
        </Fact>
      </SimpleGrid>
      <Text size="xs" c="dimmed" mt="sm" component="div">
        Session: <CopiedId of="id of the session" id={session.sessionId} />
      </Text>
      {started.policyDigest !== null && (
        <Text size="xs" c="dimmed" component="div">
          Policy at the start (SHA-256):{' '}
          <CopiedId of="digest of the policy" id={started.policyDigest} />
        </Text>
      )}
    </Paper>
  )
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div>
      <Text component="dt" size="xs" c="dimmed">
        {name}
      </Text>
      <Text component="dd" size="sm" m={0} style={{ overflowWrap: 'anywhere' }}>
        {children}
      </Text>
    </div>
  )
}

function Small({ children }: { readonly children: ReactNode }) {
  return (
    <Text size="xs" c="dimmed" component="div">
      {children}
    </Text>
  )
}
