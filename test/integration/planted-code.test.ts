import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

import { aDeployment } from '../support/deployment.ts'
import type { Deployment } from '../support/deployment.ts'
import { runCommand } from '../support/product-process.ts'
import type { RunningProduct } from '../support/product-process.ts'

interface Hit {
  readonly type: string
  readonly target: string
  readonly remark: string
}

suite('code that somebody plants at the target, on the whole product', () => {
  let deployment: Deployment
  let product: RunningProduct
  let file: string
  before(async () => {
    deployment = await aDeployment()
    product = await deployment.start()
    file = await deployment.signInFile('sam')
  })
  after(() => deployment[Symbol.asyncDispose]())

  /** What the search finds of the type and these words, once it is so much; newest first. */
  async function found(words: string, count: number): Promise<readonly string[]> {
    for (;;) {
      const said = ['--kind', 'config.changed', '--target', 'numbers', '--sign-in', file]
      const { status, stdout, stderr } = await runCommand(['search', words, ...said, '--json'])
      assert.equal(status, 0, stderr)
      const { hits } = JSON.parse(stdout) as { readonly hits: readonly Hit[] }
      if (hits.length >= count) return hits.map(({ remark }) => remark)
      await pause(200)
    }
  }

  test('is sealed and found by its name, in words', async () => {
    // The setting of the database.
    assert.deepEqual(await found('seen', 1), ['the code at the target as first seen: 1 object'])
    await deployment.askTarget(
      "CREATE FUNCTION public.planted(text) RETURNS text LANGUAGE sql AS 'SELECT $1'",
    )
    const words = 'the code at the target changed: function public.planted(text) added'
    assert.deepEqual(await found('planted', 1), [words])
    const { stdout } = await runCommand(['search', 'planted', '--sign-in', file])
    const [head = '', ...lines] = stdout.split('\n')
    assert.match(head, /^2\S+Z {2}config\.changed +on numbers +#\d+$/)
    assert.deepEqual(lines, [`  ${words}`, ''])
  })

  test('is told after a restart when it was planted while no edge was there', async () => {
    await product.stop()
    await deployment.askTarget('DROP FUNCTION public.planted')
    await deployment.askTarget('CREATE RULE gone AS ON DELETE TO public.numbers DO INSTEAD NOTHING')
    product = await deployment.start()
    const [words] = await found('gone', 1)
    assert.equal(
      words,
      'the code at the target changed: function public.planted(text) removed, rule gone on public.numbers added',
    )
  })
})
