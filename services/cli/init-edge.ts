import { readEdgeConfig } from './config-file.ts'

/** Makes the data directory, key and certificate of an edge alone, and says what the services need of it. */
export async function initEdge(file: string): Promise<void> {
  const config = readEdgeConfig(file)
  const { initializeEdge } = await import('../all-in-one/data-directory.ts')
  const { certificateFileOf } = await import('../all-in-one/edge-certificate.ts')
  await initializeEdge(config)
  process.stdout.write(`made ${config.dataDirectory}
certificate ${certificateFileOf(config)}
Give a copy of it to the services, as edge.tls.certificate_file.
`)
}
