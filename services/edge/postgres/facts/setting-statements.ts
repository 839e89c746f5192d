import type { FactCollector } from './fact-collector.ts'
import { literalOf } from './names.ts'
import { asList } from './options.ts'
import type { Message } from './options.ts'
import { flagOfSetting } from './settings.ts'

/** SET and RESET. */
export function noteSet(found: FactCollector, body: Message): void {
  const kind = String(body['kind'])
  if (kind === 'VAR_SET_MULTI') return found.kind('set_transaction')
  if (kind === 'VAR_RESET' || kind === 'VAR_RESET_ALL') return found.kind('reset')
  found.kind('set')
  if (kind === 'VAR_SET_DEFAULT') return
  found.looksAtLiterals = true
  const values = asList(body['args']).map(literalOf)
  const isSeen = values.every((value) => value !== null)
  const flag = flagOfSetting(String(body['name']), isSeen ? values : null)
  if (flag !== null) found.flag(flag)
}

/** set_config(…), under whatever name it is called by. */
export function noteSetConfig(
  found: FactCollector,
  name: readonly string[],
  args: readonly unknown[],
): void {
  found.looksAtLiterals = true
  const setting = literalOf(args[0])
  const value = literalOf(args[1])
  found.kind('set')
  found.call(name, setting !== null)
  if (setting === null) return found.flag('lexer_setting')
  const flag = flagOfSetting(setting, value === null ? null : [value])
  if (flag !== null) found.flag(flag)
}
