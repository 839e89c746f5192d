import assert from 'node:assert/strict'
import { suite, test } from 'node:test'

import { classByName } from '../../../../../../services/edge/guard/masking/suggestions/column-names.ts'
import { suggestionFor } from '../../../../../../services/edge/guard/masking/suggestions/suggestion.ts'
import type { SampledColumn } from '../../../../../../services/edge/guard/masking/suggestions/suggestion.ts'

const sampled = (
  column: string,
  values: readonly (string | null)[],
  kind: SampledColumn['kind'] = 'text',
): SampledColumn => ({ schema: 'public', relation: 't', column, kind, values })

/** The same number each time, spread over all of them. */
const spread = (index: number, modulus: number): number =>
  Number((BigInt(index + 1) * 0x9e3779b97f4a7c15n) % BigInt(modulus))

const many = <T>(make: (index: number) => T, count = 200): T[] =>
  Array.from({ length: count }, (_, index) => make(index))

/** With a right Luhn sum. */
const cardNumber = (index: number): string => {
  const digits = `411111${String(spread(index, 1e9)).padStart(9, '0')}`
  const sum = digits.split('').reduce((total, digit, place) => {
    const value = Number(digit) * (place % 2 === 0 ? 2 : 1)
    return total + (value > 9 ? value - 9 : value)
  }, 0)
  return `${digits}${(10 - (sum % 10)) % 10}`
}

suite('the names of columns', () => {
  const speaking: Readonly<Record<string, readonly string[]>> = {
    'national-id': [
      'national_id',
      'nationalId',
      'NATIONAL_ID',
      'ssn',
      'customerSSN',
      'pesel',
      'dni',
    ],
    email: ['email', 'e_mail', 'workEmail', 'correo_electrónico', 'Emails'],
    phone: ['phone', 'phone2', 'PhoneNumber', 'tel', 'telefonnummer'],
    iban: ['iban', 'IBAN', 'konto_nummer', 'bankAccount'],
    card: ['card_number', 'creditCard', 'CCNum', 'pan'],
    'card-code': ['cvv', 'CVC'],
    'birth-date': ['dob', 'dateOfBirth', 'birth_date', 'geburtsdatum', 'fecha_nacimiento'],
    salary: ['salary', 'salary_eur', 'gehalt'],
    secret: [
      'password',
      'password_hash',
      'passwordHash',
      'api_key',
      'apiKey',
      'APIKey',
      'contraseña',
    ],
    'person-name': ['first_name', 'lastName', 'nachname'],
    address: ['street', 'billing_address', 'straße'],
  }
  for (const [name, columns] of Object.entries(speaking)) {
    test(name, () => {
      for (const column of columns) assert.equal(classByName(column, 'text')?.name, name, column)
    })
  }

  test('what only speaks about such values is none', () => {
    const columns = `email_verified email_id phone_type is_phone_confirmed card_id password_updated_at id name status title company span hotel telemetry description dividend`
    for (const column of columns.split(/\s+/)) {
      assert.equal(classByName(column, 'text'), null, column)
    }
    assert.equal(classByName('email', 'other'), null)
    assert.equal(classByName('salary', 'date'), null)
  })
})

suite('what a sample suggests', () => {
  test('by name and by values, with what each says and no value', () => {
    const values = many((index) => `customer${index}@example.net`)
    const suggestion = suggestionFor(sampled('email', values))
    assert.deepEqual(suggestion, {
      entry: { column: 'public.t.email', class: 'email', mask: 'token' },
      confidence: 'high',
      evidence: ['by its name', 'detector email matched 200 of 200 values'],
    })
    assert.doesNotMatch(JSON.stringify(suggestion), /example/)
  })

  test('by values alone, whatever it is called, and NULLs do not count', () => {
    const values = many((index) => (index < 13 ? null : index < 26 ? 'none' : cardNumber(index)))
    assert.deepEqual(suggestionFor(sampled('reference', values)), {
      entry: { column: 'public.t.reference', class: 'card', mask: 'last4', use: 'no-use' },
      confidence: 'high',
      evidence: ['detector card matched 174 of 187 values'],
    })
  })

  test('by name alone, also of an empty table', () => {
    for (const values of [[], many((index) => String(spread(index, 1e9)))]) {
      assert.deepEqual(suggestionFor(sampled('national_id', values)), {
        entry: { column: 'public.t.national_id', class: 'national-id', use: 'no-use' },
        confidence: 'medium',
        evidence: ['by its name'],
      })
    }
  })

  test('a name that the values deny is not sure', () => {
    const suggestion = suggestionFor(
      sampled(
        'mail',
        many((index) => `letter ${index}`),
      ),
    )
    assert.equal(suggestion?.confidence, 'low')
    assert.deepEqual(suggestion.evidence, ['by its name', 'no value of 200 looks like one'])
  })

  test('numbers of any length are none of somebody', () => {
    for (const digits of [6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 19]) {
      const numbers = many((index) =>
        String(10 ** (digits - 1) + spread(index, 9 * 10 ** (digits - 1))),
      )
      for (const kind of ['text', 'number'] as const) {
        assert.equal(suggestionFor(sampled('reference', numbers, kind)), null, `${digits} digits`)
      }
    }
  })

  test('times, kinds and words are nothing', () => {
    for (const values of [
      many((index) => `2026-01-${String((index % 28) + 1).padStart(2, '0')} 10:00:00`),
      many((index) => ['open', 'closed'][index % 2] ?? ''),
      many((index) => `SKU-${spread(index, 1e6)}`),
      many(() => ''),
      many(() => null),
    ]) {
      assert.equal(suggestionFor(sampled('thing', values)), null)
    }
  })

  test('free text in which some is found', () => {
    const values = many((index) =>
      index % 20 === 0 ? `please write to customer${index}@example.net soon` : 'it came late',
    )
    assert.deepEqual(suggestionFor(sampled('body', values)), {
      entry: { column: 'public.t.body', class: 'free-text', detect: ['email'] },
      confidence: 'medium',
      evidence: ['detector email was found in 10 of 200 values'],
    })
  })

  test('paths inside JSON, in columns of text too', () => {
    const values = many((index) =>
      JSON.stringify({
        language: 'de',
        contact: { email: `c${index}@example.net`, phones: [{ number: '+49 30 23125000' }] },
        'a b': { ssn: 'x' },
        visits: index,
      }),
    )
    for (const kind of ['json', 'text'] as const) {
      assert.deepEqual(suggestionFor(sampled('profile', values, kind))?.entry, {
        column: 'public.t.profile',
        class: 'personal-data',
        json: [
          { path: '$.contact.email', mask: 'token' },
          { path: '$.contact.phones[*].number', mask: 'last4' },
          { path: '$."a b".ssn' },
        ],
      })
    }
    assert.equal(suggestionFor(sampled('settings', ['{"language": "de"}'], 'json')), null)
  })

  test('names are spelled as a classification has them', () => {
    const suggestion = suggestionFor({ ...sampled('e mail', []), relation: 'a.b', schema: 'S"x' })
    assert.equal(suggestion?.entry.column, '"S""x"."a.b"."e mail"')
  })
})
