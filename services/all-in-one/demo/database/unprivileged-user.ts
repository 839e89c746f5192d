import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { DemoError } from '../demo-error.ts'

/** Who runs PostgreSQL. `null` is the user of this process. */
export type RunAs = { readonly uid: number; readonly gid: number } | null

const preferred = ['nobody', 'daemon', 'www-data']

/**
 * PostgreSQL refuses root, so root hands it to an account without rights. The account must be in /etc/passwd, since initdb looks its
 * name up. Node itself sets uid and gid in the child and drops the other groups, so no `setpriv` is needed.
 */
export function findUnprivilegedUser(): RunAs {
  if (process.geteuid?.() !== 0) return null
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }))
    .filter((account) => account.uid > 0 && account.gid > 0)
  const account =
    preferred.map((name) => accounts.find((each) => each.name === name)).find(Boolean) ??
    accounts[0]
  if (account !== undefined) return { uid: account.uid, gid: account.gid }
  throw new DemoError(
    'DEMO_POSTGRES_UNUSABLE',
    'PostgreSQL does not run as root and /etc/passwd has no other account: start as another user, or set an existing PostgreSQL in the configuration',
  )
}

/** Whether that user may enter the directory by its path; asked of the kernel, since modes alone do not tell (ACLs, mounts). */
export function canEnter(directory: string, user: RunAs): boolean {
  const probe = spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', directory], {
    cwd: '/',
    stdio: 'ignore',
    ...user,
  })
  return probe.status === 0
}

/** Whether that user can run the program and the program finds its libraries. */
export function canRun(program: string, user: RunAs): boolean {
  const probe = spawnSync(program, ['--version'], { cwd: '/', stdio: 'ignore', env: {}, ...user })
  return probe.status === 0
}
