import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

import { claimFile } from '../../services/bus/adapters/embedded/claim.ts'
import { BusError } from '../../services/bus/bus.ts'

/** Where what was fetched is kept between runs. What root fetches must be readable to the account that runs it: no home directory. */
const root =
  process.env['AFFIDAVIT_ENGINES'] ??
  (process.geteuid?.() === 0
    ? '/var/cache/affidavit-engines'
    : join(homedir(), '.cache', 'affidavit-engines'))

/**
 * The directory of that name, made by `make` when it is not there yet. It is made aside and renamed, so what is there is whole; test
 * files that run at once wait for the one that makes it.
 */
export async function cachedDirectory(
  name: string,
  make: (directory: string) => Promise<void>,
): Promise<string> {
  const directory = join(root, name)
  if (existsSync(directory)) return directory
  await mkdir(root, { recursive: true })
  using _claim = await claim(join(root, 'making'))
  if (existsSync(directory)) return directory
  const aside = await mkdtemp(join(root, '.making-'))
  try {
    const made = join(aside, 'made')
    await mkdir(made)
    await make(made)
    await rename(made, directory)
  } finally {
    await rm(aside, { recursive: true, force: true })
  }
  return directory
}

async function claim(file: string): Promise<Disposable> {
  for (;;) {
    try {
      return claimFile(file)
    } catch (error) {
      if (!(error instanceof BusError)) throw error
      await pause(200)
    }
  }
}
