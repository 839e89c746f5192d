import { searchIndexAskingContract } from './search-index-asking.ts'
import type { SearchIndexFixture } from './search-index-probe.ts'
import { searchIndexSessionsContract } from './search-index-sessions.ts'
import { searchIndexTransactionsContract } from './search-index-transactions.ts'
import { searchIndexWritingContract } from './search-index-writing.ts'

/** What every search index does, whatever stands behind it. */
export function searchIndexContract(name: string, fixture: SearchIndexFixture): void {
  searchIndexWritingContract(name, fixture)
  searchIndexAskingContract(name, fixture)
  searchIndexSessionsContract(name, fixture)
  searchIndexTransactionsContract(name, fixture)
}
