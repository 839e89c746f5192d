/**
 * Settings that change what the text of a statement means. The edge reads every statement under these values, asks the target
 * for them at startup, and ends a session in which the target reports others; the last one it does not report.
 */
export const pinnedSettings: ReadonlyMap<string, string> = new Map([
  ['standard_conforming_strings', 'on'],
  ['client_encoding', 'UTF8'],
  ['backslash_quote', 'safe_encoding'],
])
