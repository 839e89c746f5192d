import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { build } from 'vite'

const root = fileURLToPath(new URL('../../services/console', import.meta.url))

/** Builds the console when its build is missing or older than its sources: a test of yesterday's pages says nothing. */
export async function builtConsole(): Promise<void> {
  const builtMs = changedMs(join(root, 'dist/index.html')) ?? 0
  const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => !path.startsWith('dist'))
    .map((path) => changedMs(join(root, path)) ?? 0)
  if (sources.every((sourceMs) => sourceMs < builtMs)) return
  await build({ root, configFile: join(root, 'vite.config.ts'), logLevel: 'error' })
}

function changedMs(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? null
}
