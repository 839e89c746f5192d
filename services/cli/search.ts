import { Command } from 'commander'

import type { Hit, SearchResult, TransactionEnd } from '../indexer/query.ts'
import { apiClient } from './api-client.ts'
import { instant } from './instant.ts'
import { oneLine, onOneLine } from './one-line.ts'
import type { SignInOptions } from './sign-in.ts'

interface SearchOptions extends SignInOptions {
  readonly actor?: string
  readonly target?: string
  readonly decision?: string
  readonly outcome?: string
  readonly kind?: string
  readonly relation?: string
  readonly approver?: string
  readonly session?: string
  readonly from?: number
  readonly to?: number
  readonly limit?: string
  readonly after?: string
  readonly json?: boolean
}

export function searchCommand(): Command {
  return new Command('search')
    .description('Find what was done, by whom, and what became of it. Newest first.')
    .argument(
      '[words...]',
      'words, or a "quoted phrase", of statements, relations, names and error messages',
    )
    .option('--actor <name>', 'who acted, or on whose behalf')
    .option('--target <name>')
    .option('--decision <outcome>', 'allow, block, hold or mask')
    .option('--outcome <outcome>', 'ok, error, cancelled, refused or unknown')
    .option(
      '--kind <kind>',
      'a statement kind such as select, or an event type such as session.started',
    )
    .option('--relation <name>', 'a table or view that was read or written')
    .option('--approver <name>', 'who approved or denied what was held')
    .option('--session <id>')
    .option('--from <time>', 'not before; such as 2026-11-25T08:00:00Z', instant)
    .option('--to <time>', 'before', instant)
    .option('--limit <count>', 'how many at most', '20')
    .option('--after <cursor>', 'go on from the page before')
    .option('--api <url>', 'where affidavit runs')
    .option('--sign-in <file>', 'the sign-in file to use')
    .option('--json', 'print the answer as JSON')
    .addHelpText(
      'after',
      `
Each hit names its log position; the entry there is the evidence, the index only finds it.
"ok" says that the target ran it; what was rolled back afterwards, or not committed, is named so.
  affidavit search 'drop table' --decision block
  affidavit search --decision hold                    what was held, whatever became of it
  affidavit search --approver nia                     what Nia approved or denied
  affidavit search --actor olivia --relation customers --from 2026-11-25T00:00:00Z`,
    )
    .action(search)
}

async function search(words: readonly string[], options: SearchOptions): Promise<void> {
  const client = await apiClient(options)
  const { api: _api, signIn: _signIn, json, from, to, ...filter } = options
  const result = await client.get<SearchResult>('/v1/search', {
    ...filter,
    from: from?.toString(),
    to: to?.toString(),
    ...(words.length > 0 ? { text: words.join(' ') } : {}),
  })
  if (json === true) {
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`)
    return
  }
  if (result.hits.length === 0) process.stdout.write('nothing was found\n')
  for (const hit of result.hits) process.stdout.write(hitLines(hit))
  if (result.next !== null) process.stdout.write(`more: --after ${result.next}\n`)
}

/** What lasts needs no word. */
const endings: Readonly<Record<TransactionEnd['state'], string | null>> = {
  committed: null,
  rolled_back: '(rolled back)',
  not_committed: '(not committed: its session ended)',
  open: '(not committed yet)',
  unknown: '(unknown whether it was committed)',
}

function hitLines(hit: Hit): string {
  const behalf = hit.onBehalfOf.length > 0 ? ` for ${hit.onBehalfOf.join(', ')}` : ''
  const ended = hit.transaction === null ? null : endings[hit.transaction.state]
  const became = [hit.decision, hit.outcome, ended, hit.errorCode]
    .filter((part) => part !== null)
    .join(' ')
  const rows = hit.rows === null ? '' : `, ${hit.rows} row${hit.rows === 1 ? '' : 's'}`
  const values = hit.masked?.map(({ dataClass, count }) => `${count} ${dataClass}`) ?? []
  const key = hit.tokenKeyId === null ? '' : ` by key ${hit.tokenKeyId}`
  const masked = values.length === 0 ? '' : `, masked ${values.join(', ')}${key}`
  const rules = hit.ruleIds.length > 0 ? ` (${hit.ruleIds.join(', ')})` : ''
  const target = hit.target === null ? '' : ` on ${hit.target}`
  const names = onOneLine(`${hit.actor}${behalf}${target}`)
  const head = `${new Date(hit.occurredAtMs).toISOString()}  ${hit.type}  ${names}`
  const said = [hit.statement, hit.remark].filter((part) => part !== null)
  const lines = said.map((part) => `  ${oneLine(part)}\n`).join('')
  return `${head}  ${became}${rows}${masked}${rules}  #${hit.position}\n${lines}`
}
