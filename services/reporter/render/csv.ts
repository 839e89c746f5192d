import { stringify } from 'csv-stringify/sync'

/**
 * RFC 4180 with LF, UTF-8. Cells that a spreadsheet would run (they begin with = + - @, also in full width, a tab or a carriage return)
 * get an apostrophe before them.
 */
export function csv(rows: readonly (readonly string[])[]): Buffer {
  return Buffer.from(stringify([...rows], { record_delimiter: '\n', escape_formulas: true }))
}

/** A cell as it stands after reading the file again. */
export function csvCell(value: string): string {
  return /^[=+\-@\t\r\uFF1D\uFF0B\uFF0D\uFF20]/.test(value) ? `'${value}` : value
}
