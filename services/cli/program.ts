import { Command } from 'commander'

import manifest from '../../package.json' with { type: 'json' }
import { approvalsCommand } from './approvals.ts'
import { connectCommand } from './connect.ts'
import { demoCommand } from './demo.ts'
import { edgeCommand } from './edge.ts'
import { exportCommand } from './export.ts'
import { initCommand } from './init.ts'
import { killCommand, liftCommand } from './kill.ts'
import { policyCommand } from './policy.ts'
import { rebuildCommand } from './rebuild.ts'
import { reportCommand } from './report.ts'
import { searchCommand } from './search.ts'
import { upCommand } from './up.ts'
import { verifyCommand } from './verify.ts'

/** Each command loads what it needs when it runs, so that asking for help does not start the product's parts. */
export function createProgram(): Command {
  return new Command('affidavit')
    .description(
      'Stands between agents and the systems they act on, and leaves evidence an outsider can check.',
    )
    .version(manifest.version)
    .showHelpAfterError('What there is: affidavit --help')
    .addHelpText(
      'after',
      `
Try it:
  affidavit demo                       everything on this machine, with an agent at work
On your own systems:
  affidavit init                       write affidavit.yaml and policy.yaml to start from
  affidavit policy check policy.yaml   find every mistake in a policy
  affidavit policy suggest shop        what a classification of the target shop lacks
  affidavit up                         run it
  affidavit edge                       run the edges alone, where the services run elsewhere
As somebody who uses a target:
  affidavit connect shop               a short-lived password for a session with the target shop
As somebody who asks questions:
  affidavit approvals list             what waits for another person's yes
  affidavit kill actor shop-agent      end what it does now, and let it begin nothing new
  affidavit search 'drop table'        what was tried, by whom, and what became of it
  affidavit verify report.zip          check a report without trusting whoever made it`,
    )
    .addCommand(initCommand())
    .addCommand(upCommand())
    .addCommand(edgeCommand())
    .addCommand(demoCommand())
    .addCommand(connectCommand())
    .addCommand(policyCommand())
    .addCommand(approvalsCommand())
    .addCommand(killCommand())
    .addCommand(liftCommand())
    .addCommand(searchCommand())
    .addCommand(verifyCommand())
    .addCommand(reportCommand())
    .addCommand(exportCommand())
    .addCommand(rebuildCommand())
}
