import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import fc from 'fast-check'

import { unifiedDiff } from '../../../services/cli/unified-diff.ts'

test('a hunk with three lines around it', () => {
  const before = 'a\nb\nc\nd\ne\nf\n'
  assert.equal(
    unifiedDiff('x', before, 'a\nb\nc\nd\nnew\ne\nf\n'),
    '--- x\n+++ x\n@@ -2,5 +2,6 @@\n b\n c\n d\n+new\n e\n f\n',
  )
  assert.equal(unifiedDiff('x', before, before), '')
  assert.equal(unifiedDiff('x', '', 'a\n'), '--- /dev/null\n+++ x\n@@ -0,0 +1,1 @@\n+a\n')
})

test('git makes of one text the other', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'affidavit-diff-'))
  t.after(() => {
    rmSync(directory, { recursive: true })
  })
  const file = join(directory, 'x')
  const texts = fc
    .tuple(
      fc.array(fc.constantFrom('a', 'b', '', '# c'), { minLength: 1, maxLength: 12 }),
      fc.boolean(),
    )
    .map(([lines, isEnded]) => `${lines.join('\n')}${isEnded ? '\n' : ' end'}`)
  fc.assert(
    fc.property(texts, texts, (before, after) => {
      fc.pre(before !== after)
      writeFileSync(file, before)
      const input = unifiedDiff('x', before, after)
      execFileSync('git', ['apply', '-p0', '--whitespace=nowarn', '-'], { cwd: directory, input })
      assert.equal(readFileSync(file, 'utf8'), after)
    }),
    { numRuns: 40 },
  )
})
