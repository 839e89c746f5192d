import { readFileSync } from 'node:fs'

import { Command } from 'commander'

import { formatProblem } from '../../schemas/validated-document.ts'
import { CommandFailure } from './failure.ts'

export function policyCommand(): Command {
  const command = new Command('policy').description('Work on policies.')
  command
    .command('check')
    .description('Find every mistake in a policy file, each with its line.')
    .argument('[file]', 'the policy', 'policy.yaml')
    .option('--json', 'print the outcome as JSON')
    .addHelpText(
      'after',
      '\nExit status 0: it can be used. 2: it has mistakes, and they are printed.',
    )
    .action(check)
  return command
}

async function check(file: string, options: { readonly json?: boolean }): Promise<void> {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new CommandFailure(`${file} cannot be read`, 2, { cause })
  }
  const { compilePolicy, loadPolicy } = await import('../edge/guard/policy.ts')
  const loaded = loadPolicy(text, file)
  if (!loaded.ok) {
    process.stdout.write(
      options.json === true
        ? `${JSON.stringify({ ok: false, problems: loaded.problems }, null, 2)}\n`
        : loaded.problems.map((problem) => `${formatProblem(problem)}\n`).join(''),
    )
    process.exitCode = 2
    return
  }
  const { digest } = compilePolicy(loaded.policy)
  const rules = loaded.policy.rules.length
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify({ ok: true, digest, rules }, null, 2)}\n`
      : `${file}: ${rules} rules, no mistakes, sha256 ${digest}\n`,
  )
}
