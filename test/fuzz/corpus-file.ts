import { existsSync, readFileSync, writeFileSync } from 'node:fs'

/**
 * The inputs of one target that are kept, in `corpus/`: a line each, a JSON string whose characters are the input's bytes, so that
 * a change can be read.
 */
export function readCorpus(target: string): readonly Buffer[] {
  const path = pathOf(target)
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'utf8').split('\n')
  return lines.filter((line) => line !== '').map(inputOf)
}

export function writeCorpus(target: string, inputs: readonly Buffer[]): void {
  const lines = inputs.map(lineOf).toSorted((a, b) => a.length - b.length || (a < b ? -1 : 1))
  writeFileSync(pathOf(target), lines.map((line) => `${line}\n`).join(''))
}

export function lineOf(input: Buffer): string {
  return JSON.stringify(input.toString('latin1')).replaceAll(
    /[\u007f-\u00ff]/g,
    (character) => `\\u00${character.charCodeAt(0).toString(16)}`,
  )
}

export function inputOf(line: string): Buffer {
  return Buffer.from(JSON.parse(line) as string, 'latin1')
}

function pathOf(target: string): URL {
  return new URL(`corpus/${target}.txt`, import.meta.url)
}
