import { existsSync, readFileSync, writeFileSync } from 'node:fs'

import { Command, InvalidArgumentError, Option } from 'commander'

import type { Scan } from '../all-in-one/scan-target.ts'
import type { Confidence, Suggestion } from '../edge/guard/masking/suggestions/suggestion.ts'
import { formatProblem } from '../../schemas/validated-document.ts'
import { readConfig } from './config-file.ts'
import { CommandFailure } from './failure.ts'
import { oneLine } from './one-line.ts'
import { printJson } from './policy-file.ts'
import { sessionPassword } from './session-password.ts'
import type { SessionPasswordOptions } from './session-password.ts'
import { unifiedDiff } from './unified-diff.ts'

interface SuggestOptions extends SessionPasswordOptions {
  readonly classification?: string
  readonly config: string
  readonly rows: number
  readonly minutes: number
  readonly confidence: Confidence
  readonly write?: boolean
  readonly json?: boolean
}

const hasSuggestions = 3

export function policySuggestCommand(): Command {
  return new Command('suggest')
    .description('Scan a target through its edge, and suggest what its classification lacks.')
    .argument('<target>', 'the name of the target')
    .option(
      '--classification <file>',
      'the classification as it is; one that is not there begins empty',
    )
    .option('--config <file>', 'where its file is looked up otherwise', 'affidavit.yaml')
    .option('--rows <number>', 'the most rows that are read of a table', wholeNumber, 200)
    .option('--minutes <number>', 'no table is begun after so long', wholeNumber, 10)
    .addOption(
      new Option('--confidence <level>', 'leave out what is less sure')
        .choices(['low', 'medium', 'high'])
        .default('medium'),
    )
    .option('--database <name>', 'the database to connect to')
    .option('--purpose <text>', 'why; it stands in every event of the scan', 'classification scan')
    .option('--write', 'change the file')
    .option('--device', 'sign in on another device, where this machine has no browser')
    .option('--client-id <id>', 'of an agent or a service that scans as itself')
    .option('--client-secret-file <file>', 'its secret at the issuer')
    .option('--api <url>', 'where affidavit runs')
    .option('--sign-in <file>', 'the sign-in file to use')
    .option('--json', 'print everything as JSON')
    .addHelpText(
      'after',
      `
You connect like with affidavit connect: policy decides on every statement of the scan, and each is evidence, with its answer as far
as the target's answers are recorded. You need a rule that lets you read the catalog (pg_catalog.*) and the tables; what you may not
read is named, and judged by the names of its columns only. What is masked for you shows as masked, so scan as somebody who sees it.
  affidavit policy suggest shop                                  a diff of the classification that affidavit.yaml names
  affidavit policy suggest shop --classification new.yaml        where the configuration is on another machine
  affidavit policy suggest shop --write && git diff              into the file, to be reviewed there
By names (national_id, geburtsdatum, apiKey) and by check digits and forms of values; a suggestion says which, and never quotes a
value. Entries that are there stay as they are. Of views only what does not come from tables is scanned, such as the rows of a function:
the rest shows as the tables' columns are classified.
A changed classification counts from the next start of the edge.
Exit status 0: nothing to suggest, or written. 3: there are suggestions. 1: it could not be done. 2: an input has mistakes.`,
    )
    .action(run)
}

function wholeNumber(value: string): number {
  const number = Number(value)
  if (!Number.isSafeInteger(number) || number < 1 || number > 10_000) {
    throw new InvalidArgumentError('expected a whole number from 1 to 10000')
  }
  return number
}

async function run(target: string, options: SuggestOptions): Promise<void> {
  const file = options.classification ?? classificationOf(target, options.config)
  const before = existsSync(file) ? readFileSync(file, 'utf8') : ''
  const isKnown = await knownColumns(before, file)
  const { scanTarget } = await import('../all-in-one/scan-target.ts')
  const { confidences, suggestionFor } =
    await import('../edge/guard/masking/suggestions/suggestion.ts')
  const { withSuggestions } =
    await import('../edge/guard/masking/suggestions/classification-text.ts')
  const issued = await sessionPassword(target, options)
  const scan = await scanTarget(issued, {
    rows: options.rows,
    untilMs: Date.now() + options.minutes * 60_000,
    isKnown,
    onTable: (name, at, of) => {
      if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${at} of ${of}: ${oneLine(name)}`)
    },
  })
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
  const least = confidences.indexOf(options.confidence)
  const suggestions = scan.columns
    .map(suggestionFor)
    .filter((each) => each !== null)
    .filter(({ confidence }) => confidences.indexOf(confidence) >= least)
  const after = withSuggestions(before, suggestions)
  if (after === null) {
    throw new CommandFailure(`${file}: expected columns as a list with one entry in a line`, 2)
  }
  // What is suggested has to be a classification.
  await knownColumns(after, file)
  if (options.write === true && after !== before) writeFileSync(file, after)
  const { tables, views, notLookedAt } = scan
  if (options.json === true) {
    printJson({
      target,
      file,
      tables,
      views,
      suggestions,
      not_looked_at: notLookedAt,
      written: options.write === true,
    })
  } else {
    process.stdout.write(options.write === true ? '' : unifiedDiff(file, before, after))
    process.stderr.write(summaryOf(suggestions, scan, file, options.write === true))
  }
  if (suggestions.length > 0 && options.write !== true) process.exitCode = hasSuggestions
}

function classificationOf(target: string, configFile: string): string {
  const { targets } = readConfig(configFile)
  const configured = targets.find(({ name }) => name === target)
  if (configured === undefined) {
    const names = targets.map(({ name }) => name).join(', ')
    throw new CommandFailure(`${configFile} has no target ${target}; it has ${names}`, 2)
  }
  if (configured.classificationFile !== null) return configured.classificationFile
  throw new CommandFailure(
    `${configFile} names no classification of ${target}: say which file with --classification, and name it at the target`,
    2,
  )
}

async function knownColumns(
  text: string,
  file: string,
): Promise<(schema: string, relation: string, column: string) => boolean> {
  if (text === '') return () => false
  const { loadClassification } = await import('../edge/guard/masking/classification.ts')
  const loaded = loadClassification(text, file)
  if (!loaded.ok) {
    throw new CommandFailure(
      `${file} has mistakes\n${loaded.problems.map(formatProblem).join('\n')}`,
      2,
    )
  }
  const known = new Set(loaded.columns.map(keyOf))
  return (schema, relation, column) => known.has(keyOf({ schema, relation, column }))
}

function keyOf(of: {
  readonly schema: string
  readonly relation: string
  readonly column: string
}): string {
  return JSON.stringify([of.schema, of.relation, of.column])
}

function summaryOf(
  suggestions: readonly Suggestion[],
  scan: Scan,
  file: string,
  isWritten: boolean,
): string {
  const count = `${suggestions.length} suggestion${suggestions.length === 1 ? '' : 's'}`
  const what =
    suggestions.length === 0
      ? 'nothing to suggest'
      : `${count}${isWritten ? `, written to ${file}` : '; --write puts them into the file'}`
  const refused = scan.notLookedAt.map(
    ({ table, why }) => `not looked at: ${oneLine(table)}, since ${oneLine(why)}\n`,
  )
  const views = scan.views === 0 ? '' : ` and ${scan.views} view${scan.views === 1 ? '' : 's'}`
  return `${refused.join('')}${scan.tables} tables${views}: ${what}\n`
}
