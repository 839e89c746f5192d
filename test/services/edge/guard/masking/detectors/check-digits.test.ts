import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { passesLuhn } from '../../../../../../services/edge/guard/masking/detectors/cards.ts'
import { isIban } from '../../../../../../services/edge/guard/masking/detectors/ibans.ts'
import {
  isAadhaar,
  isCpf,
  isGermanTaxId,
  isNhsNumber,
  isNir,
  isPesel,
  isSpanish,
} from '../../../../../../services/edge/guard/masking/detectors/national-ids.ts'

const kinds: Readonly<
  Record<
    string,
    readonly [
      length: number,
      isValid: (digits: readonly number[]) => boolean,
      prefix: readonly number[],
      /** The first place whose change the check digits always tell. Default 0. */
      from?: number,
    ]
  >
> = {
  'card (Luhn)': [16, passesLuhn, []],
  // A rest of 10 is written as 0 too, so now and then another digit before the check digits gives the same two.
  'BR CPF': [11, isCpf, [], 9],
  'GB NHS': [10, isNhsNumber, []],
  'IN Aadhaar': [12, isAadhaar, [2]],
  'DE IdNr': [11, isGermanTaxId, [8, 6, 0, 9, 5, 7, 4, 2, 7]],
  'PL PESEL': [11, isPesel, [4, 4, 0, 5, 1, 4]],
  'FR NIR': [15, isNir, [2]],
}

for (const [name, [length, isValid, prefix, from = 0]] of Object.entries(kinds)) {
  test(`${name}: one changed digit is refused`, () => {
    const digit = fc.integer({ min: 0, max: 9 })
    const valid = fc
      .tuple(
        fc.array(digit, { minLength: length - prefix.length, maxLength: length - prefix.length }),
        fc.integer({ min: 0, max: 99 }),
      )
      .map(([rest]) => completed([...prefix, ...rest], isValid))
      .filter((digits) => digits !== null)
    fc.assert(
      fc.property(
        valid,
        fc.integer({ min: from, max: length - 1 }),
        fc.integer({ min: 1, max: 9 }),
        (digits, place, by) => {
          assert.ok(isValid(digits))
          const changed = digits.with(place, ((digits[place] ?? 0) + by) % 10)
          assert.ok(!isValid(changed), changed.join(''))
        },
      ),
    )
  })
}

/** The number with other last two digits, so that it is valid; null when there are none. */
function completed(
  digits: readonly number[],
  isValid: (digits: readonly number[]) => boolean,
): readonly number[] | null {
  const kept = digits.slice(0, -2)
  for (let last = 0; last < 100; last += 1) {
    const candidate = [...kept, Math.floor(last / 10), last % 10]
    if (isValid(candidate)) return candidate
  }
  return null
}

test('IBAN: one changed digit is refused', () => {
  const places = fc.nat(17)
  fc.assert(
    fc.property(
      fc.stringMatching(/^\d{18}$/),
      places,
      fc.integer({ min: 1, max: 9 }),
      (account, place, by) => {
        const check = 98 - Number(BigInt(`${account}131400`) % 97n)
        const iban = `DE${String(check).padStart(2, '0')}${account}`
        assert.ok(isIban(iban))
        const changed = (Number(account[place]) + by) % 10
        assert.ok(
          !isIban(
            `${iban.slice(0, 4)}${account.slice(0, place)}${changed}${account.slice(place + 1)}`,
          ),
        )
      },
    ),
  )
})

test('ES DNI: one changed digit is refused', () => {
  const letters = 'TRWAGMYFPDXBNJZSQVHLCKE'
  fc.assert(
    fc.property(
      fc.stringMatching(/^\d{8}$/),
      fc.nat(7),
      fc.integer({ min: 1, max: 9 }),
      (number, place, by) => {
        const letter = letters[Number(number) % 23] ?? ''
        assert.ok(isSpanish(number, letter))
        const digit = (Number(number[place]) + by) % 10
        assert.ok(!isSpanish(`${number.slice(0, place)}${digit}${number.slice(place + 1)}`, letter))
      },
    ),
  )
})
