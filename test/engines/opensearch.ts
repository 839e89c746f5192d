import { missing } from '../support/engine.ts'
import type { Skippable } from '../support/engine.ts'
import { aJava, findJava } from './java.ts'
import { isMavenHere } from './maven.ts'
import { OpenSearchAtAddress, startOpenSearchContainer } from './opensearch-container.ts'
import type { OpenSearchEngine } from './opensearch-engine.ts'
import { startOpenSearchNode } from './opensearch-node.ts'

export type { OpenSearchEngine }

export interface OpenSearchOptions {
  /** Of opensearch.yml. */
  readonly settings?: Readonly<Record<string, string>>
  /** It will be killed or frozen: not the one at an address, none in Docker. */
  readonly ownProcess?: boolean
}

const version = '3.8.0'

/**
 * The OpenSearch at OPENSEARCH_URL (unless settings are asked for), else one in Docker, else a node from the jars on Maven Central; else
 * null, and the test is skipped by name.
 */
export async function startOpenSearch(
  t: Skippable,
  options: OpenSearchOptions = {},
): Promise<OpenSearchEngine | null> {
  const { settings = {} } = options
  if (options.ownProcess !== true) {
    const given = process.env['OPENSEARCH_URL']
    if (given !== undefined && options.settings === undefined) {
      return new OpenSearchAtAddress(given, null)
    }
    const container = await startOpenSearchContainer(version, settings)
    if (container !== null) return container
  }
  const java = findJava(21)
  if (java === null) return missing(t, `OpenSearch ${version} needs ${aJava(21)}, which`)
  if (!isMavenHere()) return missing(t, `OpenSearch ${version} needs Maven (mvn), which`)
  return startOpenSearchNode({ java, version, settings })
}
