import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { readStartupParameters } from '../../../../../services/edge/postgres/sign-in/startup-parameters.ts'

function read(parameters: Readonly<Record<string, string>>) {
  return readStartupParameters(new Map(Object.entries({ user: 'agent', ...parameters })))
}

test('what drivers send at startup is taken, however they write it', () => {
  for (const parameters of [
    { client_encoding: "'utf-8'", DateStyle: 'ISO', TimeZone: 'Europe/Berlin' },
    { client_encoding: 'UTF8', datestyle: 'ISO', extra_float_digits: '3' },
    { client_encoding: 'UNICODE', application_name: 'psql', replication: 'false' },
    { client_encoding: 'SQL_ASCII', options: '' },
  ]) {
    assert.equal(read(parameters).ok, true)
  }
  const asked = read({
    application_name: 'psql',
    search_path: 'shop',
    options: '-c lock_timeout=5s',
  })
  assert.deepEqual(asked, {
    ok: true,
    user: 'agent',
    database: null,
    application: 'psql',
    searchPath: 'shop',
    settings: new Map([
      ['search_path', 'shop'],
      ['lock_timeout', '5s'],
    ]),
    unknownOptions: [],
  })
})

test('the user name as database is none, since libpq fills it in', () => {
  const databases = [undefined, '', 'agent', 'shop'].map((database) => {
    const asked = read(database === undefined ? {} : { database })
    return asked.ok ? asked.database : 'refused'
  })
  assert.deepEqual(databases, [null, null, null, 'shop'])
})

test('options are read as the postmaster reads them', () => {
  const settings = (options: string) => {
    const asked = read({ options })
    return asked.ok ? Object.fromEntries(asked.settings) : asked.sqlState
  }
  assert.deepEqual(settings('-c statement_timeout=5 --lock-timeout=6'), {
    statement_timeout: '5',
    lock_timeout: '6',
  })
  assert.deepEqual(settings('-cDateStyle=ISO,\\ DMY'), { DateStyle: 'ISO, DMY' })
  for (const options of ['-c', '-f s', 'statement_timeout=5', '-c =5', '-c statement_timeout']) {
    assert.equal(settings(options), '08P01', options)
  }
})

test('settings that could change what a statement means or may do are refused', () => {
  for (const name of [
    'standard_conforming_strings',
    'backslash_quote',
    'role',
    'session_authorization',
    'session_replication_role',
    'search_path_',
    'row_security',
    'local_preload_libraries',
  ]) {
    for (const asked of [
      read({ [name]: 'on' }),
      read({ [name.toUpperCase()]: 'on' }),
      read({ options: `-c ${name}=on` }),
      read({ options: `--${name.replaceAll('_', '-')}=on` }),
    ]) {
      assert.equal(asked.ok, false, name)
    }
  }
  assert.equal(read({ replication: 'database' }).ok, false)
  assert.equal(read({ replication: '1' }).ok, false)
  assert.equal(read({ client_encoding: 'LATIN1' }).ok, false)
  assert.equal(readStartupParameters(new Map()).ok, false)
})

test('no options smuggle a setting that is not allowed', () => {
  fc.assert(
    fc.property(fc.string(), (noise) => {
      const asked = read({ options: `${noise} -c standard_conforming_strings=off` })
      assert.ok(!asked.ok || !asked.settings.has('standard_conforming_strings'))
    }),
  )
})
