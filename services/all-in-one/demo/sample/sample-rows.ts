import {
  cities,
  departments,
  firstNames,
  goods,
  lastNames,
  streets,
  tickets,
} from './sample-words.ts'
import type { sampleTables } from './sample-schema.ts'

type Row = Readonly<Record<string, unknown>>
export type SampleRows = Readonly<Record<(typeof sampleTables)[number], readonly Row[]>>

interface OrderRow extends Row {
  readonly id: number
  readonly customer_id: number
}

const customerCount = 2_000
const orderCount = 10_000
const firstDay = Date.UTC(2024, 0, 2)
const lastDay = Date.UTC(2026, 9, 30)
const dayMs = 86_400_000
const cardPrefixes = ['411111', '555555', '424242', '400000'] as const

/** The same rows for the same seed, on every machine. Nobody in them exists: addresses end in the reserved example domains. */
export function generateSampleRows(seed = 20_260): SampleRows {
  const draw = new Draw(seed)
  const employees = generateEmployees(draw)
  const customers = Array.from({ length: customerCount }, (_, index) =>
    generateCustomer(draw, index + 1),
  )
  const cards = customers
    .filter(() => draw.chance(0.8))
    .map((customer, index) => ({
      id: index + 1,
      customer_id: customer.id,
      holder: customer.name.toUpperCase(),
      card_number: cardNumber(draw),
      expires: `${String(draw.between(1, 12)).padStart(2, '0')}/${draw.between(27, 31)}`,
    }))
  const cardOf = new Map(cards.map((card) => [card.customer_id, card.id]))
  const products = goods.map(([name, category, price], index) => ({
    id: index + 1,
    sku: `${category.slice(0, 3).toUpperCase()}-${String(1_000 + index * 7)}`,
    name,
    category,
    price_eur: price,
    stock: draw.between(0, 400),
  }))

  const orders: OrderRow[] = []
  const items: Row[] = []
  const payments: Row[] = []
  for (let id = 1; id <= orderCount; id += 1) {
    // Few customers order often, as in a real shop.
    const customerId = 1 + Math.floor(customerCount * draw.unit() ** 2)
    // Time goes on with the numbers, a little unevenly.
    const placedAt = firstDay + ((id - draw.unit()) / orderCount) * (lastDay - firstDay)
    const status = statusOf(draw, placedAt)
    const isShipped = status === 'shipped' || status === 'delivered' || status === 'returned'
    orders.push({
      id,
      customer_id: customerId,
      status,
      placed_at: isoTime(placedAt),
      shipped_at: isShipped ? isoTime(placedAt + draw.between(1, 4) * dayMs) : null,
    })
    let amountCents = 0
    const lines = draw.between(1, 4)
    for (let line = 1; line <= lines; line += 1) {
      const product = draw.pick(products)
      const quantity = draw.chance(0.7) ? 1 : draw.between(2, 6)
      amountCents += quantity * Math.round(product.price_eur * 100)
      items.push({
        order_id: id,
        line,
        product_id: product.id,
        quantity,
        unit_price_eur: product.price_eur,
      })
    }
    if (status === 'placed' || status === 'cancelled') continue
    const cardId = cardOf.get(customerId) ?? null
    payments.push({
      id: payments.length + 1,
      order_id: id,
      card_id: cardId,
      method: cardId !== null ? 'card' : draw.pick(['transfer', 'invoice']),
      amount_eur: amountCents / 100,
      paid_at: isoTime(placedAt + draw.between(1, 900) * 60_000),
      refunded: status === 'returned',
    })
  }

  return {
    employees,
    customers,
    payment_cards: cards,
    products,
    orders,
    order_items: items,
    payments,
    support_tickets: Array.from({ length: 600 }, (_, index) => {
      const order = orders[draw.between(0, orderCount - 1)]
      const { subject, body } = draw.pick(tickets)
      const isRecent = index > 540
      return {
        id: index + 1,
        customer_id: order?.customer_id,
        order_id: order?.id,
        subject,
        body: body.replace('%', String(order?.id)),
        priority: draw.pick(['low', 'normal', 'normal', 'normal', 'high']),
        status: isRecent ? draw.pick(['open', 'waiting']) : 'closed',
        assigned_to: draw.between(20, employees.length),
        opened_at: isoTime(firstDay + ((index + draw.unit()) / 600) * (lastDay - firstDay)),
      }
    }),
  }
}

function generateEmployees(draw: Draw) {
  return Array.from({ length: 48 }, (_, index) => {
    const id = index + 1
    const name = `${draw.pick(firstNames)} ${draw.pick(lastNames)}`
    const { department, titles, from, to } =
      departments[index % departments.length] ?? departments[0]
    return {
      id,
      name,
      email: `${addressOf(name)}.${id}@shop.example`,
      department,
      title: draw.pick(titles),
      // The first of each department leads it.
      manager_id: index < departments.length ? null : (index % departments.length) + 1,
      salary_eur: draw.between(from, to) * 100,
      national_id: `${draw.between(10, 99)} ${draw.between(100_000, 999_999)} ${draw.between(100, 999)}`,
      hired_on: isoTime(Date.UTC(2012, 0, 1) + draw.between(0, 5_000) * dayMs).slice(0, 10),
    }
  })
}

function generateCustomer(draw: Draw, id: number) {
  const name = `${draw.pick(firstNames)} ${draw.pick(lastNames)}`
  const { city, country, postcode } = draw.pick(cities)
  return {
    id,
    name,
    email: `${addressOf(name)}${id}@${draw.pick(['example.com', 'example.org', 'example.net'])}`,
    phone: draw.chance(0.9) ? `+49 30 ${draw.between(23_125_000, 23_125_999)}` : null,
    birth_date: isoTime(Date.UTC(1942, 0, 1) + draw.between(0, 23_000) * dayMs).slice(0, 10),
    street: `${draw.pick(streets)} ${draw.between(1, 140)}`,
    postcode: postcode.replaceAll('#', () => String(draw.between(0, 9))),
    city,
    country,
    segment: draw.pick(['consumer', 'consumer', 'consumer', 'trade', 'clinic']),
    preferences: { newsletter: draw.chance(0.4), language: draw.pick(['de', 'en', 'fr', 'nl']) },
    created_at: isoTime(firstDay - draw.between(0, 1_400) * dayMs),
  }
}

function statusOf(draw: Draw, placedAt: number): string {
  if (placedAt > lastDay - 3 * dayMs) return draw.pick(['placed', 'placed', 'paid'])
  if (placedAt > lastDay - 9 * dayMs) return draw.pick(['paid', 'shipped', 'shipped'])
  if (draw.chance(0.04)) return 'cancelled'
  return draw.chance(0.05) ? 'returned' : 'delivered'
}

/** Sixteen digits with a right Luhn sum, in a range that card schemes keep for tests. */
function cardNumber(draw: Draw): string {
  const digits = `${draw.pick(cardPrefixes)}${String(draw.between(0, 999_999_999)).padStart(9, '0')}`
  let sum = 0
  for (const [index, digit] of digits.split('').entries()) {
    const doubled = Number(digit) * (index % 2 === 0 ? 2 : 1)
    sum += doubled > 9 ? doubled - 9 : doubled
  }
  return `${digits}${(10 - (sum % 10)) % 10}`
}

function addressOf(name: string): string {
  return name
    .normalize('NFD')
    .replaceAll(/[\u0300-\u036f]/g, '')
    .toLowerCase()
    .replaceAll(/[^a-z]+/g, '.')
}

function isoTime(ms: number): string {
  return new Date(Math.floor(ms / 1000) * 1000).toISOString()
}

/** A seeded generator (mulberry32): equal seeds draw equal rows. Not for secrets. */
class Draw {
  #state: number

  constructor(seed: number) {
    this.#state = seed
  }

  /** In [0, 1). */
  unit(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }

  between(from: number, to: number): number {
    return from + Math.floor(this.unit() * (to - from + 1))
  }

  chance(probability: number): boolean {
    return this.unit() < probability
  }

  pick<T>(items: readonly [T, ...T[]] | readonly T[]): T {
    const item = items[this.between(0, items.length - 1)]
    if (item === undefined) throw new RangeError('nothing to pick from')
    return item
  }
}
