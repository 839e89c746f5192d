import type { GenericContainer, StartedTestContainer } from 'testcontainers'

/** Refuses what only a process of our own can do. */
export function noProcess(what: string): never {
  throw new Error(`${what} is not ours to kill or freeze: ask for one with \`ownProcess: true\``)
}

/**
 * A started container, or null where no Docker engine answers or it has no such image and cannot fetch it: then the next way to an
 * engine is tried.
 */
export async function startContainer(
  image: string,
  configure: (container: GenericContainer) => GenericContainer,
): Promise<StartedTestContainer | null> {
  const { GenericContainer, getContainerRuntimeClient } = await import('testcontainers')
  try {
    await getContainerRuntimeClient()
  } catch {
    return null
  }
  try {
    return await configure(new GenericContainer(image)).withStartupTimeout(120_000).start()
  } catch (error) {
    process.emitWarning(`Docker answers, but ${image} did not start in it: ${String(error)}`)
    return null
  }
}
