import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'

import { parseVkey } from '../../services/ledger/proof/note.ts'
import { requireProgram } from '../support/engine.ts'
import { aDirectory, checkpointOf, entriesOf, signer } from './a-log.ts'
import { run } from './verifier.ts'

test('openssl verifies the signature of a checkpoint, and of no other text', async (t) => {
  const openssl = requireProgram(t, 'openssl')
  if (openssl === null) return
  const directory = await aDirectory(t)
  const checkpoint = await checkpointOf(entriesOf(300))
  // The three lines are what is signed; the signature is the last 64 bytes of the signature line.
  const [text = '', signature = ''] = checkpoint.split('\n\n')
  const [, , encoded = ''] = signature.trimEnd().split(' ')
  const { key } = parseVkey(signer.vkey)
  await writeFile(join(directory, 'log.pem'), key.export({ format: 'pem', type: 'spki' }))
  await writeFile(join(directory, 'body'), `${text}\n`)
  await writeFile(join(directory, 'sig'), Buffer.from(encoded, 'base64').subarray(-64))
  const verify = () =>
    run(
      openssl,
      [
        'pkeyutl',
        '-verify',
        '-pubin',
        '-inkey',
        'log.pem',
        '-rawin',
        '-in',
        'body',
        '-sigfile',
        'sig',
      ],
      { cwd: directory },
    )

  const good = await verify()
  assert.equal(good.code, 0, good.stderr)
  assert.match(good.stdout, /Signature Verified Successfully/)

  await writeFile(join(directory, 'body'), `${text.replace('\n300\n', '\n301\n')}\n`)
  assert.notEqual((await verify()).code, 0)
})
