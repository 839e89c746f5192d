const context = 3

/**
 * How one text becomes another, as a unified diff that `patch` takes: one hunk from the first line that differs to the last. Empty
 * where they are the same.
 */
export function unifiedDiff(file: string, before: string, after: string): string {
  if (before === after) return ''
  const [old, next] = [linesOf(before), linesOf(after)]
  let same = 0
  while (same < Math.min(old.length, next.length) && old[same] === next[same]) same += 1
  let sameEnd = 0
  while (
    sameEnd < Math.min(old.length, next.length) - same &&
    old[old.length - 1 - sameEnd] === next[next.length - 1 - sameEnd]
  ) {
    sameEnd += 1
  }
  const from = Math.max(0, same - context)
  const oldEnd = old.length - Math.max(0, sameEnd - context)
  const nextEnd = next.length - Math.max(0, sameEnd - context)
  const lines = [
    ...old.slice(from, same).map((line) => ` ${line}`),
    ...old.slice(same, old.length - sameEnd).map((line) => `-${line}`),
    ...next.slice(same, next.length - sameEnd).map((line) => `+${line}`),
    ...old.slice(old.length - sameEnd, oldEnd).map((line) => ` ${line}`),
  ]
  return [
    `--- ${before === '' ? '/dev/null' : file}\n`,
    `+++ ${file}\n`,
    `@@ -${range(from, oldEnd)} +${range(from, nextEnd)} @@\n`,
    ...lines.map((line) =>
      line.endsWith('\n') ? line : `${line}\n\\ No newline at end of file\n`,
    ),
  ].join('')
}

/** Each with its end. */
function linesOf(text: string): readonly string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? []
}

function range(from: number, end: number): string {
  return end === from ? `${from},0` : `${from + 1},${end - from}`
}
