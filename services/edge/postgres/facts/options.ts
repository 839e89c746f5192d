import { literalOf } from './names.ts'

export type Message = Readonly<Record<string, unknown>>

export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : []
}

function optionsNamed(options: unknown, name: string): readonly Message[] {
  return asList(options)
    .map((option) => (option as Record<string, Message | undefined>)['DefElem'])
    .filter((option) => option?.['defname'] === name)
    .filter((option) => option !== undefined)
}

/** Whether an option is on, in any of the ways the server takes; given twice, any of them counts. */
export function hasOption(options: unknown, name: string): boolean {
  return optionsNamed(options, name).some((option) => {
    const value = literalOf(option['arg']) ?? integerOf(option['arg'])
    return value === null || !/^(off|false|0)$/i.test(value)
  })
}

export function optionText(options: unknown, name: string): string {
  return literalOf(optionsNamed(options, name)[0]?.['arg']) ?? ''
}

function integerOf(node: unknown): string | null {
  const integer = (node as { Integer?: { ival?: number } } | undefined)?.Integer
  return integer === undefined ? null : String(integer.ival ?? 0)
}
