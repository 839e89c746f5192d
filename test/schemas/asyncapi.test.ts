import assert from 'node:assert/strict'
import { test } from 'node:test'

import specs from '@asyncapi/specs'
import { Ajv } from 'ajv'
import type { ValidateFunction } from 'ajv'
import addFormats from 'ajv-formats'

import { asyncApi } from '../../schemas/asyncapi.ts'
import { cloudEventHeaders } from '../../schemas/cloud-event.ts'
import { sealedHeaders, topics } from '../../services/bus/topics.ts'
import { sealedRecordHeaders } from '../../services/ledger/sealing/sealed-record.ts'
import { anEvent, encoded } from '../support/an-event.ts'

const registryUrl = 'https://affidavit.example'
const document = asyncApi({ version: '1.2.3', topics, sealedHeaders, registryUrl })

function anAjv(): Ajv {
  const ajv = new Ajv({ strict: false, allErrors: true, logger: false })
  addFormats.default(ajv)
  return ajv
}

/** The official JSON Schema of AsyncAPI 3.0 documents. */
const isAsyncApi: ValidateFunction = anAjv().compile(specs.schemasWithoutId['3.0.0'] as object)

test('the document is one by the official schema of AsyncAPI', () => {
  assert.ok(isAsyncApi(document), JSON.stringify(isAsyncApi.errors?.slice(0, 5)))
  // The schema is one that refuses.
  for (const broken of [
    { ...document, channels: { events: { address: 7 } } },
    { ...document, asyncapi: '2.6.0' },
    JSON.parse(JSON.stringify(document).replace('"symbols":["unknown"', '"symbols":[7')),
  ]) {
    assert.equal(isAsyncApi(broken), false)
  }
})

test('every reference leads somewhere', () => {
  const references = JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)
  let count = 0
  for (const [, path = ''] of references) {
    const found = path
      .split('/')
      .reduce<unknown>((node, name) => (Object(node) as Record<string, unknown>)[name], document)
    assert.equal(typeof found, 'object', path)
    count += 1
  }
  assert.ok(count > 15)
})

test('the headers that are sent are as the document says', () => {
  const ajv = anAjv()
  ajv.addSchema(document, 'document')
  const validate = (message: string): ValidateFunction => {
    const found = ajv.getSchema(`document#/components/messages/${message}/headers`)
    assert.ok(found)
    return found
  }
  const text = (headers: Readonly<Record<string, Buffer>>): Record<string, string> =>
    Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, value.toString('latin1')]),
    )
  const value = encoded(anEvent({ session_id: 's-1' }))
  const entry = {
    position: 7,
    leafHash: Buffer.alloc(32, 1),
    key: Buffer.from('s-1'),
    value,
    quarantine: null,
  }
  const plain = text(cloudEventHeaders(value, { registryUrl }))
  const sealed = { ...plain, ...text(sealedRecordHeaders(Buffer.from('log.example'), entry)) }
  const ofEvent = validate('auditEvent')
  const ofSealed = validate('sealedEvent')
  assert.ok(ofEvent(plain), JSON.stringify(ofEvent.errors))
  assert.ok(ofSealed(sealed), JSON.stringify(ofSealed.errors))
  assert.equal(ofSealed(plain), false)
  for (const name of Object.keys(sealed)) {
    if (['ce_subject', 'ce_dataschema'].includes(name)) continue
    assert.equal(ofSealed({ ...sealed, [name]: undefined }), false, name)
  }
  assert.equal(ofEvent({ ...plain, ce_time: 'yesterday' }), false)
})
