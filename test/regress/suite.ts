import { execFile } from 'node:child_process'
import { copyFile, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { cachedDirectory } from '../engines/engine-cache.ts'
import { missing, requireProgram } from '../support/engine.ts'
import type { Skippable } from '../support/engine.ts'

/** PostgreSQL's own regression suite: `src/test/regress` of its source. */
export interface Suite {
  /** Holds `sql/`, `data/`, `parallel_schedule`, and COPYRIGHT, the PostgreSQL Licence under which they come. */
  readonly directory: string
  /** Where it is from: a source package and its version. */
  readonly source: string
  /** Names of its files, in the order of its schedule; those that one group runs at once come one by one. */
  readonly files: readonly string[]
}

/**
 * The suite of PostgreSQL 15, from Debian's source package of the version that is installed here (else the newest one), fetched by apt
 * from where this machine has its packages. Null, with the test skipped by name, where there is no apt to ask.
 */
export async function findSuite(t: Skippable): Promise<Suite | null> {
  if (requireProgram(t, 'apt-get') === null) return null
  const installed = await versionInstalled()
  if (installed === null) return missing(t, `PostgreSQL 15 (package ${packageName})`)
  let directory: string
  try {
    directory = await cachedDirectory(`postgres-regress-${installed}`, (into) =>
      fetchSuite(installed, into),
    )
  } catch (error) {
    return missing(t, `the source of ${packageName}, which apt does not bring (${String(error)}),`)
  }
  return {
    directory,
    source: (await readFile(join(directory, 'SOURCE'), 'utf8')).trim(),
    files: scheduled(await readFile(join(directory, 'parallel_schedule'), 'utf8')),
  }
}

const packageName = 'postgresql-15'
const run = promisify(execFile)

async function versionInstalled(): Promise<string | null> {
  try {
    const { stdout } = await run('dpkg-query', ['--show', '--showformat=${Version}', packageName])
    return stdout
  } catch {
    return null
  }
}

async function fetchSuite(version: string, into: string): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'regress-source-'))
  try {
    const apt = await aptForSources(work)
    await apt('update')
    const fetch = ['source', '--download-only', '--only-source']
    await apt(...fetch, `${packageName}=${version}`).catch(() => apt(...fetch, packageName))
    const names = await readdir(work)
    const archive = names.find((name) => /\.orig\.tar\.\w+$/.test(name))
    const description = names.find((name) => name.endsWith('.dsc'))
    if (archive === undefined || description === undefined) {
      throw new Error(`apt-get source ${packageName} brought no .orig.tar: ${names.join(' ')}`)
    }
    await run('tar', ['--extract', '--strip-components=1', `--file=${archive}`], { cwd: work })
    const suite = join(work, 'src/test/regress')
    for (const part of ['sql', 'data']) {
      await cp(join(suite, part), join(into, part), { recursive: true })
    }
    await copyFile(join(suite, 'parallel_schedule'), join(into, 'parallel_schedule'))
    await copyFile(join(work, 'COPYRIGHT'), join(into, 'COPYRIGHT'))
    const source = description.replace(/\.dsc$/, '').replace('_', ' ')
    await writeFile(join(into, 'SOURCE'), `Debian source package ${source}\n`)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** apt with lists of its own: the machine's sources, asked for source packages, which the machine itself may not list. */
async function aptForSources(work: string): Promise<(...argv: string[]) => Promise<void>> {
  const { stdout } = await run('apt-get', [
    'indextargets',
    '--format=deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)',
    'Created-By: Packages',
    'Origin: Debian',
  ])
  await writeFile(join(work, 'sources.list'), stdout)
  for (const part of ['lists/partial', 'cache/archives/partial', 'parts']) {
    await mkdir(join(work, part), { recursive: true })
  }
  const options = {
    'Dir::Etc::SourceList': join(work, 'sources.list'),
    'Dir::Etc::SourceParts': join(work, 'parts'),
    'Dir::State::Lists': join(work, 'lists'),
    'Dir::Cache': join(work, 'cache'),
  }
  const set = Object.entries(options).map(([name, value]) => `--option=${name}=${value}`)
  return async (...argv) => {
    await run('apt-get', [...set, '--quiet', ...argv], { cwd: work })
  }
}

function scheduled(schedule: string): readonly string[] {
  return schedule
    .split('\n')
    .filter((line) => line.startsWith('test:'))
    .flatMap((line) => line.slice('test:'.length).trim().split(/\s+/))
}
