import { close, describe, execute, rawClient, sync } from '../services/edge/postgres/raw-client.ts'
import type { RawClient } from '../services/edge/postgres/raw-client.ts'
import type { FrontendMessage } from '../../services/edge/postgres/protocol/frontend.ts'

type SignIn = Parameters<typeof rawClient>[0]['client']

/**
 * Everything that comes back for each statement when it is sent by the extended protocol, one character per byte: rows, their
 * description, notices, errors. Each is a transaction of its own that is rolled back. Named and unnamed, as text and binary, whole
 * and in portions take turns.
 */
export async function answersTo(
  signIn: SignIn,
  statements: readonly Buffer[],
): Promise<readonly string[]> {
  const answers: string[] = []
  let client: RawClient | null = null
  for (const [n, statement] of statements.entries()) {
    client ??= await rawClient({ client: signIn })
    await client.send(messagesOf(statement, n))
    let answer = ''
    let readyCount = 0
    for await (const { type, bytes } of client.packets(3)) {
      answer += `${bytes.toString('latin1')}\n`
      if (type === readyForQuery) readyCount++
    }
    answers.push(answer)
    if (readyCount === 3) continue
    // Such as for pg_terminate_backend().
    await client.close()
    client = null
  }
  await client?.close()
  return answers
}

function messagesOf(statement: Buffer, n: number): readonly FrontendMessage[] {
  const name = n % 4 === 0 ? 'question' : ''
  const format = n % 2
  const portion = [0, 1, 100][n % 3] ?? 0
  return [
    { type: 'query', text: Buffer.from('BEGIN') },
    close('statement', name),
    { type: 'parse', statement: name, text: statement, parameterTypes: [] },
    describe('statement', name),
    { type: 'bind', portal: '', statement: name, parameters: [], resultFormats: [format] },
    describe('portal'),
    execute('', portion),
    execute(),
    sync,
    { type: 'query', text: Buffer.from('ROLLBACK') },
  ]
}

const readyForQuery = 'Z'.charCodeAt(0)
