import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { cruise } from 'dependency-cruiser'
import type { ICruiseResult } from 'dependency-cruiser'

const entry = 'services/cli/edge-main.ts'

/**
 * Copies what the edge's command reaches, and nothing else, to a directory: the files of ours, and a package.json that names only the
 * packages they import, each at the version of our own. Run at the root of the repository: node deploy/docker/edge-tree.ts DIRECTORY
 */
async function copyEdge(directory: string): Promise<void> {
  const { files, packages } = await reached()
  for (const file of files) {
    const copy = join(directory, file)
    await mkdir(dirname(copy), { recursive: true })
    await copyFile(file, copy)
  }
  const manifest = JSON.parse(await readFile('package.json', 'utf8')) as Manifest
  const { name, version, license, type, engines } = manifest
  const dependencies = Object.fromEntries(
    Object.entries(manifest.dependencies).filter(([each]) => packages.has(each)),
  )
  await writeFile(
    join(directory, 'package.json'),
    `${JSON.stringify({ name, version, private: true, license, type, engines, dependencies }, null, 2)}\n`,
  )
}

interface Manifest {
  readonly name: string
  readonly version: string
  readonly license: string
  readonly type: string
  readonly engines: Readonly<Record<string, string>>
  readonly dependencies: Readonly<Record<string, string>>
}

async function reached(): Promise<{ files: readonly string[]; packages: ReadonlySet<string> }> {
  const { output } = await cruise([entry], {
    doNotFollow: { path: 'node_modules' },
    // Types are stripped: what is imported for its types only is never loaded.
    tsPreCompilationDeps: false,
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
    },
  })
  const files: string[] = []
  const packages = new Set<string>()
  for (const { source, coreModule, couldNotResolve } of (output as ICruiseResult).modules) {
    if (coreModule === true) continue
    if (couldNotResolve === true) throw new Error(`${source} cannot be found; run npm ci first`)
    const packageName = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(source)?.[1]
    if (packageName === undefined) files.push(source)
    else packages.add(packageName)
  }
  return { files, packages }
}

const [directory] = process.argv.slice(2)
if (directory === undefined)
  throw new Error('say where to: node deploy/docker/edge-tree.ts DIRECTORY')
await copyEdge(directory)
