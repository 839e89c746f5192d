import { Command } from 'commander'

import { lockoutSubjects } from '../../schemas/control.ts'
import type { LockoutSubject } from '../../schemas/control.ts'
import type { LockoutList } from '../api/schemas/lockouts.ts'
import { apiClient } from './api-client.ts'
import { onOneLine } from './one-line.ts'
import type { SignInOptions } from './sign-in.ts'

interface KillOptions extends SignInOptions {
  readonly reason: string
  readonly issuer?: string
}

const names = {
  session: 'id',
  actor: 'subject',
  target: 'name',
} as const satisfies Record<LockoutSubject, string>

const kills: Readonly<Record<LockoutSubject, string>> = {
  session: 'End one session.',
  actor: 'End the sessions of an actor, and of whoever acts for it, and begin no new ones.',
  target: 'End all sessions at a target and close it to everybody.',
}

/** The kill switch. */
export function killCommand(): Command {
  const command = new Command('kill')
    .description('End sessions at once, within two seconds, and keep an actor or a target locked.')
    .addHelpText(
      'after',
      `
  affidavit kill actor shop-agent --reason 'deletes what it should not'
  affidavit lift actor shop-agent --reason 'its prompt was repaired'`,
    )
  for (const subject of lockoutSubjects) {
    withOptions(command.command(`${subject} <${names[subject]}>`), subject)
      .description(kills[subject])
      .action((name: string, options: KillOptions) => kill(subject, name, options))
  }
  command
    .command('list')
    .description('What is locked out.')
    .option('--json', 'print as JSON')
    .option('--api <url>', 'where affidavit runs')
    .option('--sign-in <file>', 'the sign-in to use')
    .action(list)
  return command
}

/** Takes back what `kill` did to an actor or a target. */
export function liftCommand(): Command {
  const command = new Command('lift').description('Let a locked actor or target in again.')
  for (const subject of ['actor', 'target'] as const) {
    withOptions(command.command(`${subject} <${names[subject]}>`), subject)
      .description(`Let this ${subject} in again.`)
      .action((name: string, options: KillOptions) => lift(subject, name, options))
  }
  return command
}

function withOptions(command: Command, subject: LockoutSubject): Command {
  if (subject === 'actor') command.option('--issuer <url>', 'whose subject it is; default: ours')
  return command
    .requiredOption('--reason <text>', 'why; it is recorded')
    .option('--api <url>', 'where affidavit runs')
    .option('--sign-in <file>', 'the sign-in to use')
}

async function kill(subject: LockoutSubject, name: string, options: KillOptions): Promise<void> {
  const { reason, issuer } = options
  await (await apiClient(options)).post('/v1/lockouts', { subject, name, issuer, reason })
  process.stdout.write(
    subject === 'session'
      ? `every edge was told to end session ${name}\n`
      : `${subject} ${name} is locked out until: affidavit lift ${subject} ${name} --reason …\n`,
  )
}

async function lift(subject: LockoutSubject, name: string, options: KillOptions): Promise<void> {
  const { reason, issuer } = options
  await (await apiClient(options)).post('/v1/lockouts/lift', { subject, name, issuer, reason })
  process.stdout.write(`${subject} ${name} may come in again\n`)
}

async function list(options: SignInOptions & { readonly json?: boolean }): Promise<void> {
  const { lockouts } = await (await apiClient(options)).get<LockoutList>('/v1/lockouts')
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify(lockouts, null, 2)}\n`)
    return
  }
  if (lockouts.length === 0) process.stdout.write('nothing is locked out\n')
  for (const { subject, name, reason, since } of lockouts) {
    process.stdout.write(`${since}  ${subject} ${onOneLine(`${name}: ${reason}`)}\n`)
  }
}
