import assert from 'node:assert/strict'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'

import { initLedger, openLedgerReader } from '../../../services/ledger/adapters/files/open.ts'
import { exportC2sp } from '../../../services/ledger/export.ts'
import { openCheckpoint } from '../../../services/ledger/proof/checkpoint.ts'
import { leafHash } from '../../../services/ledger/proof/hash.ts'
import {
  decodeBundle,
  entriesLevel,
  tilePath,
  tilesOf,
} from '../../../services/ledger/proof/tile.ts'
import { MerkleTree } from '../../../services/ledger/proof/tree.ts'
import { aDirectory, ledgerOptions } from '../../support/a-ledger.ts'
import { commitEvents, openWriter, originOfTest } from '../../support/a-log-writer.ts'

test('an export holds exactly the files of its checkpoint, and they give its root', async (t) => {
  const directory = await aDirectory(t)
  const options = await ledgerOptions(directory)
  await initLedger(options)
  // With the genesis entry: one below, at, and above a tile, and beyond the next.
  for (const [index, more] of [254, 1, 1, 300].entries()) {
    {
      await using log = await openWriter(options)
      await commitEvents(log, more)
      await log.checkpoint(Date.now())
    }
    await using view = await openLedgerReader(options)
    const target = join(directory, `export-${index}`)
    const size = await exportC2sp(view.reader, originOfTest(options), target)

    const vkey = await readFile(join(target, 'log.vkey'), 'utf8')
    const checkpoint = openCheckpoint(await readFile(join(target, 'checkpoint'), 'utf8'), vkey)
    assert.equal(checkpoint.size, size)
    const tiles = [...tilesOf(size)]
    const names = await readdir(target, { recursive: true, withFileTypes: true })
    assert.equal(names.filter((name) => name.isFile()).length, tiles.length + 3)
    const tree = new MerkleTree()
    for (const tile of tiles.filter(({ level }) => level === entriesLevel)) {
      const bundle = await readFile(join(target, tilePath(tile)))
      for (const entry of decodeBundle(bundle, tile.width)) tree.append(leafHash(entry))
    }
    assert.deepEqual(tree.root(), checkpoint.root)
    const leaves = await readFile(join(target, 'tile', '0', size < 256 ? `000.p/${size}` : '000'))
    const [entry] = await view.reader
      .log(checkpoint.origin)
      .then(({ storage }) => storage.entries.read(0, 1))
    assert.deepEqual(leaves.subarray(0, 32), leafHash(entry ?? Buffer.alloc(0)))
    await assert.rejects(exportC2sp(view.reader, originOfTest(options), target), {
      code: 'LEDGER_EXISTS',
    })
  }
})
