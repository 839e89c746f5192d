import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'

import { dataPaths } from '../../services/runtime/config.ts'
import { aDeployment } from '../support/deployment.ts'
import type { Deployment } from '../support/deployment.ts'
import { runCommand } from '../support/product-process.ts'
import type { CommandOutcome } from '../support/product-process.ts'

suite('a start that cannot be', () => {
  let deployment: Deployment
  before(async () => {
    deployment = await aDeployment()
  })
  after(() => deployment[Symbol.asyncDispose]())

  const up = (configFile = deployment.configFile): Promise<CommandOutcome> =>
    runCommand(['up', '--config', configFile, '--log-level', 'error'])
  /** A file of the deployment that is other for one test. */
  const changed = async (
    file: string,
    change: (text: string) => string,
  ): Promise<() => Promise<void>> => {
    const text = await readFile(file, 'utf8')
    await writeFile(file, change(text))
    return () => writeFile(file, text)
  }

  test('every mistake of a configuration is told with its line, and nothing is started', async () => {
    const restore = await changed(deployment.configFile, (text) =>
      text
        .replace('tenant: faults', 'tenant: 7')
        .replace('durability: strict', 'durability: sometimes')
        .replace('policy: ./policy.yaml', 'polizy: ./policy.yaml'),
    )
    const outcome = await up()
    await restore()
    assert.equal(outcome.status, 2)
    assert.match(outcome.stderr, /affidavit\.yaml:2:.*tenant/)
    assert.match(outcome.stderr, /affidavit\.yaml:\d+:.*polizy/)
    assert.match(outcome.stderr, /affidavit\.yaml:\d+:.*durability.*strict/)
    assert.match(outcome.stderr, /nothing was started/)
    assertPlain(outcome)
  })

  test('every file that is named and is not there is told at once, and nothing is started', async () => {
    const restore = await changed(deployment.configFile, (text) =>
      text
        .replace('policy: ./policy.yaml', 'policy: ./no-policy.yaml')
        .replace(/password_file: .*/, 'password_file: ./no.password'),
    )
    const outcome = await up()
    const apart = await runCommand(['up', '--without-edges', '--config', deployment.configFile])
    await restore()
    assert.match(apart.stderr, /^.*no-policy\.yaml$/m)
    assert.doesNotMatch(apart.stderr, /no\.password/, 'that is needed where the edges run')
    assert.equal(outcome.status, 2)
    assert.match(outcome.stderr, /^.*no-policy\.yaml$/m)
    assert.match(outcome.stderr, /^.*no\.password$/m)
    assertPlain(outcome)
  })

  test('every mistake of a policy is told with its line, and nothing is started', async () => {
    const restore = await changed(join(deployment.directory, 'policy.yaml'), (text) =>
      text
        .replace('outcome: allow', 'outcome: perhaps')
        .replace('    relations:', '    relaitons:'),
    )
    const outcome = await up()
    const checked = await runCommand(['policy', 'check', join(deployment.directory, 'policy.yaml')])
    await restore()
    for (const { status, stdout, stderr } of [outcome, checked]) {
      assert.equal(status, 2)
      assert.match(stdout + stderr, /policy\.yaml:\d+:.*relaitons/)
      assert.match(stdout + stderr, /policy\.yaml:\d+:.*outcome/)
    }
    assert.match(outcome.stderr, /nothing was started/)
    assertPlain(outcome)
  })

  test('a missing configuration, and one without a data directory, say which command makes it', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'affidavit-bad-start-'))
    try {
      const none = join(directory, 'affidavit.yaml')
      const missing = await up(none)
      assert.equal(missing.status, 2)
      assertSentence(missing, /affidavit\.yaml cannot be read.*affidavit init/)
      const text = await readFile(deployment.configFile, 'utf8')
      await writeFile(none, text)
      await writeFile(
        join(directory, 'policy.yaml'),
        await readFile(join(deployment.directory, 'policy.yaml')),
      )
      const notMade = await up(none)
      assert.equal(notMade.status, 1)
      assertSentence(notMade, /holds no deployment yet.*affidavit init/)
      assert.equal(existsSync(join(directory, 'data')), false)
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  })

  test('a deployment is not made twice', async () => {
    const outcome = await runCommand(['init', '--config', deployment.configFile])
    assert.equal(outcome.status, 1)
    assertSentence(outcome, /in use by a deployment already.*affidavit up/)
  })

  test('data of another version is refused, and says whose it is', async () => {
    const { format } = dataPaths(deployment.config.dataDirectory)
    const restore = await changed(format, (text) => text.replace('"format":2', '"format":1'))
    const outcome = await up()
    await restore()
    assert.equal(outcome.status, 1)
    assertSentence(outcome, /data is of data format 1.*reads 2/)
  })

  for (const part of ['api', 'edge'] as const) {
    test(`a port in use by another program is named (${part})`, async () => {
      const port = deployment.ports[part]
      const server = createServer().listen(port, '127.0.0.1')
      await once(server, 'listening')
      const outcome = await up()
      server.close()
      assert.equal(outcome.status, 1)
      assertSentence(outcome, new RegExp(`port ${port}.*in use`))
    })
  }

  test('data that another process holds is left alone, and that one goes on', async () => {
    await using product = await deployment.start()
    const second = await up()
    assert.equal(second.status, 1)
    assertSentence(second, /data is in use by another process/)
    const again = await deployment.sessionPassword()
    assert.equal(again.target, 'numbers')
    assert.equal(await product.stop(), 0)
  })
})

/** One line on standard error, for a person. */
function assertSentence(outcome: CommandOutcome, sentence: RegExp): void {
  const lines = outcome.stderr.trimEnd().split('\n')
  assert.equal(lines.length, 1, outcome.stderr)
  assert.match(lines[0] ?? '', sentence)
  assertPlain(outcome)
}

function assertPlain({ stderr, stdout }: CommandOutcome): void {
  assert.equal(stdout, '')
  assert.doesNotMatch(stderr, /\bat .*:\d+:\d+|Error:/, 'no stack')
}
