import { Command, InvalidArgumentError } from 'commander'
import { parse } from 'csv-parse/sync'

import { formatProblem } from '../../schemas/validated-document.ts'
import type { Catalog } from '../edge/guard/policy/catalog.ts'
import { qualifiedName } from '../edge/postgres/facts/names.ts'
import { readConfig } from './config-file.ts'
import { CommandFailure } from './failure.ts'
import { loadPolicyFile, printJson, readText } from './policy-file.ts'

interface CheckOptions {
  readonly target: readonly string[]
  readonly config: string
  readonly catalog: readonly (readonly [target: string, file: string])[]
  readonly json?: boolean
}

export function policyCheckCommand(): Command {
  return new Command('check')
    .description('Find every mistake in a policy file, each with its line.')
    .argument('[file]', 'the policy', 'policy.yaml')
    .option(
      '--catalog <target=file>',
      'the columns that a target has, as CSV: names that it does not have are mistakes',
      (value: string, before: CheckOptions['catalog']) => [...before, catalogOption(value)],
      [],
    )
    .option(
      '--target <name>',
      'ask this target for the columns that it has; may be repeated',
      (value: string, before: readonly string[]) => [...before, value],
      [],
    )
    .option('--config <file>', 'the configuration that the targets are in', 'affidavit.yaml')
    .option('--json', 'print the outcome as JSON')
    .addHelpText(
      'after',
      `
A catalog has a line of schema,relation,column for each column. From PostgreSQL:
  psql -d shop --csv -t -c "SELECT n.nspname, c.relname, a.attname FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r','p','v','m','f')" > shop.csv
  affidavit policy check policy.yaml --catalog shop=shop.csv
Exit status 0: it can be used. 2: it has mistakes, and they are printed.`,
    )
    .action(check)
}

function catalogOption(value: string): readonly [string, string] {
  const [target, ...file] = value.split('=')
  if (target === undefined || target === '' || file.length === 0) {
    throw new InvalidArgumentError('expected target=file, such as shop=shop.csv')
  }
  return [target, file.join('=')]
}

async function check(file: string, options: CheckOptions): Promise<void> {
  const catalogs = new Map<string, Catalog>(
    options.catalog.map(([target, path]) => [target, catalogOf(readText(path), path)]),
  )
  if (options.target.length > 0) {
    const config = readConfig(options.config)
    const { targetCatalog } = await import('../all-in-one/target-catalog.ts')
    for (const target of options.target) catalogs.set(target, await targetCatalog(config, target))
  }
  const loaded = await loadPolicyFile(file, catalogs)
  if (!loaded.ok) {
    if (options.json === true) printJson({ ok: false, problems: loaded.problems })
    else
      process.stdout.write(loaded.problems.map((problem) => `${formatProblem(problem)}\n`).join(''))
    process.exitCode = 2
    return
  }
  const { digest } = loaded.policy
  const rules = loaded.policy.rules.length
  if (options.json === true) printJson({ ok: true, digest, rules })
  else
    process.stdout.write(
      `${file}: ${rules} ${rules === 1 ? 'rule' : 'rules'}, no mistakes, sha256 ${digest}\n`,
    )
}

function catalogOf(text: string, file: string): Catalog {
  let rows: readonly (readonly string[])[]
  try {
    rows = parse(text, { skip_empty_lines: true, relax_column_count: true })
  } catch (cause) {
    throw new CommandFailure(`${file} is no CSV`, 2, { cause })
  }
  const catalog = new Map<string, Set<string>>()
  rows.forEach((row, index) => {
    const [schema, relation, column] = row
    if (
      row.length !== 3 ||
      schema === undefined ||
      relation === undefined ||
      column === undefined
    ) {
      throw new CommandFailure(
        `${file}: row ${index + 1} has ${row.length} fields; expected schema,relation,column`,
        2,
      )
    }
    const name = qualifiedName([schema, relation])
    catalog.set(name, (catalog.get(name) ?? new Set()).add(qualifiedName([column])))
  })
  if (catalog.size === 0) throw new CommandFailure(`${file} names no column`, 2)
  return catalog
}
