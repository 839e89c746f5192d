import { EmbeddedIndex } from '../../../../../services/indexer/adapters/embedded/embedded-index.ts'
import { documentOf } from '../../../../../services/indexer/documents.ts'
import { ALog } from '../../../../support/a-log.ts'

// Run as a process of its own, to be killed: applies batches until then and prints the offset of each that was confirmed.
const directory = process.argv[2]
if (directory === undefined) throw new Error('the directory of the index is missing')

const index = await EmbeddedIndex.open({ directory })
const log = new ALog()
const session = log.startSession('session-1')
for (let next = BigInt(log.records.length); ; next = BigInt(log.records.length)) {
  const batch = log.records.slice(-20)
  await index.apply(batch.map(documentOf), {
    logs: [{ log: log.origin, indexed: log.records.length + 1 }],
    offset: { topic: 'sealed', partition: 0, next },
  })
  process.stdout.write(`${next}\n`)
  for (let at = 0; at < 10; at++) session.complete(session.ask(`SELECT ${next} FROM numbers`))
}
