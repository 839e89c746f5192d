import type { ClassifiedColumn } from '../../../../../schemas/classification.ts'

/** What kind of values a column has, as far as its type says. */
export type ValueKind = 'text' | 'number' | 'date' | 'json' | 'other'

/** How values of a class are shown, as the classification says it. */
export interface SuggestedClass {
  readonly name: string
  readonly mask: Pick<ClassifiedColumn, 'mask' | 'use'>
}

interface NamedClass extends SuggestedClass {
  readonly kinds: readonly ValueKind[]
  /** Words in a row, as names have them in English, German, French, Spanish, Portuguese, Italian and Polish. */
  readonly words: readonly string[]
}

/** The class that the name of a column, or of a member of JSON, speaks of; null when it speaks of none. */
export function classByName(name: string, kind: ValueKind): SuggestedClass | null {
  const words = wordsOf(name)
  if (words.some((word) => aboutValues.has(word))) return null
  const text = ` ${words.join(' ')} `
  const together = words.join('')
  const found = classes.find(
    ({ kinds, words: patterns }) =>
      kinds.includes(kind) &&
      patterns.some((each) => {
        // `email_id` leads to another table.
        if (words.at(-1) === 'id' && !each.endsWith('id')) return false
        return text.includes(` ${each} `) || together === each.replaceAll(' ', '')
      }),
  )
  return found === undefined ? null : { name: found.name, mask: found.mask }
}

/** The class of a name that is known: those that detectors find are among them. */
export function classNamed(name: string): SuggestedClass {
  const found = classes.find((each) => each.name === name)
  return { name, mask: found?.mask ?? {} }
}

/** `nationalId`, `national-id` and `NATIONAL_ID2` alike: words in lower case, without accents and digits. */
function wordsOf(name: string): readonly string[] {
  return name
    .replaceAll(/(\p{Ll}|\p{N})(\p{Lu})/gu, '$1 $2')
    .replaceAll(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1 $2')
    .normalize('NFD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll('ß', 'ss')
    .toLowerCase()
    .split(/[^\p{L}]+/u)
    .filter((word) => word !== '')
}

/** With these words a column says something about such values, and holds none. */
const aboutValues: ReadonlySet<string> = new Set(
  `is has verified confirmed validated valid enabled disabled required optional allowed count counts total
  status state type kind format template provider source flag sent opened clicked bounced at updated created changed expires expiry
  expired length strength policy attempts domain subject consent preference preferences opt`.split(
    /\s+/,
  ),
)

const textOnly = ['text'] as const
const textOrNumber = ['text', 'number'] as const
const nothing = { use: 'no-use' } as const

/** In order: the first that a name speaks of counts. */
const classes: readonly NamedClass[] = [
  named(
    'email',
    textOnly,
    { mask: 'token' },
    `email, e mail, mail, emails, mail address, email address, courriel, correo, correo
    electronico, mailadresse, adres email, posta elettronica`,
  ),
  named('card-code', textOrNumber, nothing, `cvv, cvc, cvv code, card security code`),
  named(
    'card',
    textOrNumber,
    { mask: 'last4', use: 'no-use' },
    `card number, card no, card num, cardnumber, credit card, creditcard, debit card, cc number,
    cc num, ccnum, pan, kreditkarte, kartennummer, carte bancaire, numero carte, tarjeta, numero
    tarjeta, cartao, carta di credito, numer karty`,
  ),
  named(
    'iban',
    textOrNumber,
    { mask: 'last4' },
    `iban, bank account, bank account number, account iban, kontonummer, routing number, rib,
    cuenta bancaria, conta bancaria, conto bancario, numer konta, sort code`,
  ),
  named(
    'national-id',
    textOrNumber,
    nothing,
    `national id, national identifier, national number, national insurance, nationalid, ssn,
    social security, socialsecurity, nino, tax id, tax number, taxpayer id, tin, id card,
    identity card, identity number, id number, passport, passport number, driver license,
    drivers license, driving licence, steuer id, steueridentifikationsnummer, steuernummer,
    sozialversicherungsnummer, ausweisnummer, personalausweis, nir, numero securite sociale,
    securite sociale, carte identite, dni, nie, nif, curp, cpf, nis, codice fiscale, pesel,
    dowod osobisty, aadhaar, aadhar, bsn, personnummer, personal number, cedula, rodne cislo,
    nhs number, nhs no`,
  ),
  named(
    'secret',
    ['text', 'other'],
    nothing,
    `password, passwd, pwd, password hash, passphrase, passcode, passwort, kennwort,
    mot de passe, contrasena, clave, senha, haslo, secret, secret key, client secret, api key,
    apikey, access key, private key, secret access key, access token, refresh token, auth token,
    session token, bearer token, id token, api token, otp secret, totp secret, webhook secret,
    recovery code, encryption key, pin code`,
  ),
  named(
    'phone',
    textOrNumber,
    { mask: 'last4' },
    `phone, phones, phone number, telephone, tel, mobile, mobile number, cell, fax, msisdn,
    whatsapp, telefon, telefonnummer, handy, handynummer, rufnummer, telefono, movil, celular,
    telefone, cellulare, komorka, numero telephone`,
  ),
  named(
    'birth-date',
    ['date', 'text'],
    {},
    `birth date, birthdate, date of birth, birthday, birth day, dob, born, born on,
    geburtsdatum, geburtstag, date de naissance, date naissance, fecha de nacimiento, fecha
    nacimiento, data de nascimento, data nascimento, data di nascita, data urodzenia`,
  ),
  named(
    'salary',
    textOrNumber,
    {},
    `salary, salaries, wage, wages, compensation, annual income, income, base pay, gehalt, lohn,
    salaire, salario, sueldo, nomina, stipendio, wynagrodzenie`,
  ),
  named(
    'health',
    textOnly,
    {},
    `diagnosis, diagnoses, icd code, medical history, disability, allergies, diagnose, diagnostic
    medical, diagnostico, blutgruppe, krankheit`,
  ),
  named(
    'beliefs',
    textOnly,
    {},
    `religion, ethnicity, ethnic origin, sexual orientation, political party, konfession, trade
    union membership`,
  ),
  named(
    'person-name',
    textOnly,
    {},
    `first name, firstname, last name, lastname, full name, fullname, middle name, maiden name,
    given name, family name, surname, vorname, nachname, prenom, nom de famille, apellido,
    apellidos, sobrenome, cognome, nazwisko, imie, card holder, cardholder, cardholder name,
    account holder, beneficiary name`,
  ),
  named(
    'address',
    textOnly,
    {},
    `street, street address, home address, postal address, mailing address, address line, billing
    address, shipping address, strasse, anschrift, rue, adresse postale, calle, direccion,
    domicilio, endereco, indirizzo, ulica`,
  ),
]

function named(
  name: string,
  kinds: readonly ValueKind[],
  mask: SuggestedClass['mask'],
  words: string,
): NamedClass {
  return {
    name,
    kinds,
    mask,
    words: words.split(',').map((each) => each.trim().replaceAll(/\s+/g, ' ')),
  }
}
