/** Values of the fixture that no client may get to see, whole or in part. */
export const secrets = [
  '111-22-3333',
  '444-55-6666',
  'canary.alpha@example.net',
  'canary.beta@example.net',
  '9182736455',
  '5546372819',
  'TOASTED-CANARY-77310',
] as const

/** Parts that are telling by themselves. The last four digits of a number are what its mask may show. */
const parts = ['111-22', '22-3333', '444-55', '55-6666', 'canary.alpha', 'canary.beta'] as const

interface Needle {
  readonly secret: string
  readonly form: string
  readonly bytes: Buffer
}

const needles: readonly Needle[] = [
  ...secrets.flatMap((secret) => [...formsOf(secret), ...base64Of(secret)]),
  ...parts.flatMap(formsOf),
]

/** Every secret that stands in these bytes in whatever form, as `value as form`. */
export function secretsIn(bytes: Buffer): readonly string[] {
  const found = new Set<string>()
  // An id is made of the time and of chance: one of a hundred thousand has a part of a secret in it.
  const text = Buffer.from(bytes.toString('latin1').replaceAll(id, 'id'), 'latin1')
  for (const { secret, form, bytes: needle } of needles) {
    if (text.includes(needle)) found.add(`${secret} as ${form}`)
  }
  return [...found]
}

const id = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/g

function formsOf(secret: string): readonly Needle[] {
  const text = Buffer.from(secret)
  const wide = Buffer.from(secret, 'utf16le')
  const hex = text.toString('hex')
  const escaped = [...text].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')
  const forms: readonly (readonly [string, Buffer])[] = [
    ['text', text],
    ['capitals', Buffer.from(secret.toUpperCase())],
    ['reversed text', Buffer.from(Array.from(secret).reverse().join(''))],
    ['UTF-16LE', wide],
    ['UTF-16BE', Buffer.from(wide).swap16()],
    ['hexadecimal', Buffer.from(hex)],
    ['hexadecimal capitals', Buffer.from(hex.toUpperCase())],
    ['octal escapes', Buffer.from(escaped)],
    ['hexadecimal of UTF-16', Buffer.from(wide.toString('hex'))],
    ['digits by commas', Buffer.from([...text].join(','))],
  ]
  return forms.map(([form, bytes]) => ({ secret, form, bytes }))
}

/** Base64 of a text that contains the secret: what of it does not depend on its neighbours, at each of three offsets. */
function base64Of(secret: string): readonly Needle[] {
  return [0, 1, 2].map((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), Buffer.from(secret)]).toString('base64')
    const certain = encoded.replaceAll('=', '').slice(offset === 0 ? 0 : offset + 1, -1)
    return { secret, form: 'base64', bytes: Buffer.from(certain) }
  })
}
