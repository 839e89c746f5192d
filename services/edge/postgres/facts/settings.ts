import type { FactFlag } from '../../guard/facts.ts'

/**
 * What changing a setting means. `values` is what it is set to, null where that cannot be seen. Going back to the default
 * (RESET, TO DEFAULT) is never asked about here: the edge has pinned the defaults when the session began.
 */
export function flagOfSetting(name: string, values: readonly string[] | null): FactFlag | null {
  const setting = name.toLowerCase()
  const value = values?.length === 1 ? values[0]?.toLowerCase() : undefined
  switch (setting) {
    case 'standard_conforming_strings':
      return value !== undefined && ['on', 'true', 'yes', '1'].includes(value)
        ? null
        : 'lexer_setting'
    case 'backslash_quote':
      return value === 'safe_encoding' || value === 'off' ? null : 'lexer_setting'
    case 'client_encoding':
      return value !== undefined && /^(utf-?8|unicode)$/.test(value) ? null : 'lexer_setting'
    case 'role':
    case 'session_authorization':
    case 'session_replication_role':
    case 'event_triggers':
      return 'role_change'
    case 'allow_system_table_mods':
    case 'dynamic_library_path':
    case 'extension_control_path':
    case 'jit_provider':
    case 'local_preload_libraries':
    case 'session_preload_libraries':
    case 'shared_preload_libraries':
    // Code that runs before the first function of a language.
    case 'plperl.on_init':
    case 'plperl.on_plperl_init':
    case 'plperl.on_plperlu_init':
    case 'pltcl.start_proc':
    case 'pltclu.start_proc':
      return 'server_code'
    case 'search_path':
      // With nothing in it, a bare name means the catalog's or nothing: pg_dump and careful functions do this.
      return value === '' || value === 'pg_catalog' ? null : 'search_path'
    default:
      return null
  }
}
