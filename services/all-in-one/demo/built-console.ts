import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../console', import.meta.url))

/** Builds the console when its build, which is not part of the repository, is missing or older than its sources. */
export async function builtConsole(tell: (line: string) => void): Promise<void> {
  const builtMs = changedMs(join(root, 'dist/index.html')) ?? 0
  const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => !path.startsWith('dist'))
    .map((path) => changedMs(join(root, path)) ?? 0)
  if (sources.every((sourceMs) => sourceMs < builtMs)) return
  tell('building the console')
  const vite = fileURLToPath(new URL('bin/vite.js', import.meta.resolve('vite/package.json')))
  const build = spawn(process.execPath, [vite, 'build', '--logLevel', 'error'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const [code] = (await once(build, 'exit')) as [number | null]
  if (code !== 0) throw new Error('the console could not be built; the lines above say why')
}

function changedMs(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? null
}
