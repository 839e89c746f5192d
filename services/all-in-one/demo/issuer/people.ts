import { createHash, timingSafeEqual } from 'node:crypto'
import { join } from 'node:path'
import { ensureSecret } from '../secret-file.ts'

/** Somebody who can sign in at the demo's issuer. */
export interface Person {
  readonly username: string
  readonly name: string
  readonly email: string
  readonly groups: readonly string[]
}

export interface Account extends Person {
  readonly password: string
}

export const demoPeople: readonly Person[] = [
  person('olivia', 'Olivia Okafor', ['operations']),
  person('sam', 'Sam Silva', ['security']),
  person('nia', 'Nia Novák', ['operations', 'approvers']),
  person('ada', 'Ada Andersen', ['auditors']),
]

/** Passwords are drawn once per installation and stay in files of mode 0600. */
export async function openAccounts(
  directory: string,
  people: readonly Person[],
): Promise<readonly Account[]> {
  return Promise.all(
    people.map(async (each) => ({
      ...each,
      password: await ensureSecret(join(directory, 'passwords', each.username)),
    })),
  )
}

/** Takes as long for an unknown name as for a wrong password. */
export function findSignedIn(
  accounts: readonly Account[],
  username: string,
  password: string,
): Account | null {
  const account = accounts.find((each) => each.username === username)
  const matches = timingSafeEqual(digest(account?.password ?? ''), digest(password))
  return account !== undefined && matches ? account : null
}

function person(username: string, name: string, groups: readonly string[]): Person {
  return { username, name, email: `${username}@shop.example`, groups }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
