import { Command } from 'commander'

import { policyCheckCommand } from './policy-check.ts'
import { policyDiffCommand } from './policy-diff.ts'
import { policyExplainCommand } from './policy-explain.ts'
import { policySuggestCommand } from './policy-suggest.ts'
import { policyTestCommand } from './policy-test.ts'

export function policyCommand(): Command {
  return new Command('policy')
    .description('Work on policies.')
    .addCommand(policyCheckCommand())
    .addCommand(policyTestCommand())
    .addCommand(policyExplainCommand())
    .addCommand(policyDiffCommand())
    .addCommand(policySuggestCommand())
}
