import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { connect, createServer } from 'node:tls'
import { promisify } from 'node:util'
import * as fc from 'fast-check'
import {
  createSelfSignedCertificate,
  ensureSelfSignedCertificate,
} from '../../../services/runtime/self-signed-certificate.ts'
import { requireProgram } from '../../support/engine.ts'

const run = promisify(execFile)
const dayMs = 86_400_000

function aRequest(names: readonly string[] = ['localhost', '127.0.0.1', '::1']) {
  return {
    commonName: 'affidavit edge',
    names,
    notBefore: new Date(Date.now() - dayMs),
    notAfter: new Date(Date.now() + dayMs),
  }
}

async function aDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'certificate-'))
  t.after(() => rm(directory, { recursive: true }))
  return directory
}

test('a TLS client that trusts exactly the certificate reaches its names and no other', async (t) => {
  const { certificatePem, privateKeyPem } = createSelfSignedCertificate(aRequest())
  const server = createServer({ cert: certificatePem, key: privateKeyPem }, (socket) => {
    socket.on('error', () => {})
  })
  server.on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const reach = (ca: string, servername?: string) =>
    connect({ host: '127.0.0.1', port, ca, ...(servername === undefined ? {} : { servername }) })

  for (const servername of [undefined, 'localhost']) {
    const socket = reach(certificatePem, servername)
    await once(socket, 'secureConnect')
    assert.equal(socket.authorized, true)
    socket.destroy()
  }
  await assert.rejects(once(reach(certificatePem, 'example.org'), 'secureConnect'), {
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  })
  const stranger = createSelfSignedCertificate(aRequest())
  await assert.rejects(once(reach(stranger.certificatePem), 'secureConnect'))
})

test('openssl verifies the certificate strictly, for its names only', async (t) => {
  const openssl = requireProgram(t, 'openssl')
  if (openssl === null) return
  const file = join(await aDirectory(t), 'server.crt')
  await writeFile(file, createSelfSignedCertificate(aRequest()).certificatePem)
  const verify = (...check: readonly string[]) =>
    run(openssl, [
      'verify',
      '-x509_strict',
      '-purpose',
      'sslserver',
      '-CAfile',
      file,
      ...check,
      file,
    ])

  await verify('-verify_hostname', 'localhost')
  await verify('-verify_ip', '127.0.0.1')
  await verify('-verify_ip', '::1')
  await assert.rejects(verify('-verify_hostname', 'example.org'))
  await assert.rejects(verify('-verify_ip', '127.0.0.2'))
})

test('whatever it is asked for stands in the certificate', () => {
  const names = fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain()), {
    minLength: 1,
    maxLength: 20,
  })
  const second = fc.date({
    min: new Date('1990-01-01T00:00:00Z'),
    max: new Date('2099-12-31T00:00:00Z'),
    noInvalidDate: true,
  })
  fc.assert(
    fc.property(names, second, second, (names, notBefore, notAfter) => {
      const request = { commonName: 'affidavit', names, notBefore, notAfter }
      const parsed = new X509Certificate(createSelfSignedCertificate(request).certificatePem)
      assert.equal(parsed.verify(parsed.publicKey), true)
      assert.equal(parsed.ca, false)
      assert.equal(parsed.subject, 'CN=affidavit')
      assert.equal(parsed.validFromDate.getTime(), Math.floor(notBefore.getTime() / 1000) * 1000)
      assert.equal(parsed.validToDate.getTime(), Math.floor(notAfter.getTime() / 1000) * 1000)
      for (const name of names) {
        assert.ok(isIP(name) === 0 ? parsed.checkHost(name) : parsed.checkIP(name), name)
      }
    }),
    { numRuns: 60 },
  )
})

test('a kept certificate is used again until it is about to expire, and its key is private', async (t) => {
  const directory = await aDirectory(t)
  const certificateFile = join(directory, 'tls', 'server.crt')
  const keyFile = join(directory, 'tls', 'server.key')
  const now = new Date('2026-03-01T12:00:00Z')
  const options = { certificateFile, keyFile, commonName: 'affidavit', names: ['localhost'], now }

  const first = await ensureSelfSignedCertificate(options)
  assert.equal((await stat(keyFile)).mode & 0o777, 0o600)
  assert.deepEqual(await ensureSelfSignedCertificate(options), first)
  const later = new Date(now.getTime() + 700 * dayMs)
  assert.deepEqual(await ensureSelfSignedCertificate({ ...options, now: later }), first)

  const nearTheEnd = new Date(now.getTime() + 800 * dayMs)
  const second = await ensureSelfSignedCertificate({ ...options, now: nearTheEnd })
  assert.notEqual(second.certificatePem, first.certificatePem)
  assert.equal(await readFile(certificateFile, 'utf8'), second.certificatePem)
})

test('a certificate without its key, or without an asked name, is made anew', async (t) => {
  const directory = await aDirectory(t)
  const certificateFile = join(directory, 'server.crt')
  const keyFile = join(directory, 'server.key')
  const now = new Date('2026-03-01T12:00:00Z')
  const options = { certificateFile, keyFile, commonName: 'affidavit', names: ['localhost'], now }

  const first = await ensureSelfSignedCertificate(options)
  await writeFile(keyFile, createSelfSignedCertificate(aRequest()).privateKeyPem)
  const second = await ensureSelfSignedCertificate(options)
  assert.notEqual(second.certificatePem, first.certificatePem)
  const third = await ensureSelfSignedCertificate({ ...options, names: ['localhost', '::1'] })
  assert.equal(new X509Certificate(third.certificatePem).checkIP('::1'), '::1')
})
