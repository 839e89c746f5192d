import type { StartedTestContainer } from 'testcontainers'

import { noProcess, startContainer } from './docker.ts'
import type { OpenSearchEngine } from './opensearch-engine.ts'

/** An OpenSearch at an address: given, or in a container. It cannot be killed from here. */
export class OpenSearchAtAddress implements OpenSearchEngine {
  readonly url: string
  readonly #container: StartedTestContainer | null

  constructor(url: string, container: StartedTestContainer | null) {
    this.url = url
    this.#container = container
  }

  kill(): Promise<void> {
    return noProcess('this OpenSearch')
  }

  start(): Promise<void> {
    return noProcess('this OpenSearch')
  }

  freeze(): void {
    noProcess('this OpenSearch')
  }

  thaw(): void {
    noProcess('this OpenSearch')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#container?.stop()
  }
}

/** One node of the official image, without its security plugin. Null where Docker cannot bring it. */
export async function startOpenSearchContainer(
  version: string,
  settings: Readonly<Record<string, string>>,
): Promise<OpenSearchEngine | null> {
  const { Wait } = await import('testcontainers')
  const container = await startContainer(`opensearchproject/opensearch:${version}`, (container) =>
    container
      .withExposedPorts(9200)
      .withEnvironment({
        'discovery.type': 'single-node',
        DISABLE_SECURITY_PLUGIN: 'true',
        DISABLE_INSTALL_DEMO_CONFIG: 'true',
        OPENSEARCH_JAVA_OPTS: '-Xms512m -Xmx512m',
        'indices.breaker.total.use_real_memory': 'false',
        ...settings,
      })
      .withWaitStrategy(Wait.forHttp('/_cluster/health?wait_for_status=yellow', 9200)),
  )
  if (container === null) return null
  const url = `http://${container.getHost()}:${container.getMappedPort(9200)}`
  return new OpenSearchAtAddress(url, container)
}
