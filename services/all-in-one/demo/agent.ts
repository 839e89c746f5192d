import { Client, DatabaseError } from 'pg'
import { copy } from './sample/copy-statement.ts'

export interface AgentOptions {
  /** Where the edge listens, not the target. */
  readonly host: string
  readonly port: number
  readonly user: string
  /** The session password that the edge gave out. */
  readonly password: string
  readonly database: string
  /** The edge's certificate, or its authority's. */
  readonly ca: string
  readonly signal?: AbortSignal
  /** Told of each step when it is done. */
  readonly log?: (step: AgentStep) => void
}

export interface AgentStep {
  readonly label: string
  /** `refused` is SQLSTATE 42501: not allowed. `failed` is any other error of a statement. */
  readonly outcome: 'ok' | 'refused' | 'failed'
  /** Rows returned, changed or copied. */
  readonly rows: number
  readonly code: string | null
  /** Whether it went as it should in this script: the last two steps are meant to go wrong. */
  readonly isExpected: boolean
}

interface ScriptStep {
  readonly label: string
  readonly outcome: AgentStep['outcome']
  run(client: Client): Promise<number>
}

/**
 * The demo's agent: an operations assistant that looks at the shop's day, refills stock, opens tickets, makes a mistake and tries
 * something it must not. Returns every step; throws only when it cannot connect, loses the connection or is aborted.
 */
export async function runAgent(options: AgentOptions): Promise<readonly AgentStep[]> {
  options.signal?.throwIfAborted()
  const client = new Client({
    host: options.host,
    port: options.port,
    user: options.user,
    password: options.password,
    database: options.database,
    ssl: { ca: options.ca },
    application_name: 'shop-agent',
    connectionTimeoutMillis: 10_000,
  })
  // What waits on the connection is rejected as well.
  client.on('error', () => {})
  const onAbort = (): void => void client.end()
  options.signal?.addEventListener('abort', onAbort, { once: true })
  try {
    await client.connect()
    const steps: AgentStep[] = []
    for (const step of script) {
      const done = await runStep(client, step)
      options.signal?.throwIfAborted()
      steps.push(done)
      options.log?.(done)
    }
    return steps
  } finally {
    options.signal?.removeEventListener('abort', onAbort)
    await client.end()
  }
}

async function runStep(client: Client, step: ScriptStep): Promise<AgentStep> {
  let outcome: AgentStep['outcome'] = 'ok'
  let rows = 0
  let code: string | null = null
  try {
    rows = await step.run(client)
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    code = error.code ?? null
    outcome = code === '42501' ? 'refused' : 'failed'
  }
  return { label: step.label, outcome, rows, code, isExpected: outcome === step.outcome }
}

const script: readonly ScriptStep[] = [
  read(
    'how many orders are in which state',
    'SELECT status, count(*) FROM orders GROUP BY status ORDER BY 2 DESC',
  ),
  read(
    'the ten best customers, by a join over orders and items',
    `SELECT customers.id, customers.name, count(DISTINCT orders.id) AS orders, sum(quantity * unit_price_eur) AS revenue_eur
     FROM customers
     JOIN orders ON orders.customer_id = customers.id
     JOIN order_items ON order_items.order_id = orders.id
     WHERE orders.status <> 'cancelled'
     GROUP BY customers.id ORDER BY revenue_eur DESC LIMIT 10`,
  ),
  read(
    'revenue of the last half year',
    'SELECT * FROM revenue_by_month ORDER BY month DESC LIMIT 6',
  ),
  read(
    'contact data of five customers, which comes masked',
    'SELECT id, name, email, phone, birth_date FROM customers ORDER BY id LIMIT 5',
  ),
  read(
    'products that run out',
    'SELECT sku, name, stock FROM products WHERE stock < 40 ORDER BY stock, sku',
  ),
  {
    label: 'orders of five customers, by one prepared statement',
    outcome: 'ok',
    async run(client) {
      let rows = 0
      for (const customer of [1, 2, 3, 5, 8]) {
        const result = await client.query({
          name: 'orders_of_customer',
          text: 'SELECT id, status, placed_at FROM orders WHERE customer_id = $1 AND placed_at >= $2 ORDER BY placed_at DESC LIMIT 5',
          values: [customer, new Date('2024-06-01T00:00:00Z')],
        })
        rows += result.rows.length
      }
      return rows
    },
  },
  {
    label: 'a transaction that refills a product and notes it in a ticket',
    outcome: 'ok',
    run: refill,
  },
  {
    label: 'a COPY of the open tickets out',
    outcome: 'ok',
    async run(client) {
      const text =
        'COPY (SELECT id, subject, priority, status FROM open_tickets ORDER BY id) TO STDOUT WITH (FORMAT csv, HEADER)'
      return (await copy(client, text, null)).rows
    },
  },
  {
    label: 'a COPY of three new tickets in',
    outcome: 'ok',
    async run(client) {
      const text =
        'COPY support_tickets (customer_id, subject, body, priority, status, opened_at) FROM STDIN'
      return (await copy(client, text, Buffer.from(newTickets))).rows
    },
  },
  {
    ...read('a column that does not exist', 'SELECT id, loyalty_points FROM customers LIMIT 5'),
    outcome: 'failed',
  },
  {
    ...read(
      'a DELETE of closed tickets, which waits for a second person',
      "DELETE FROM support_tickets WHERE status = 'closed' AND opened_at < '2024-01-01'",
    ),
    outcome: 'refused',
  },
  { ...read('DROP TABLE customers', 'DROP TABLE customers'), outcome: 'refused' },
]

const newTickets = [
  [17, 'Delivery window', 'Asked by telephone: mornings only, please.', 'normal'],
  [42, 'Duplicate address', 'Two addresses are on file; the newer one is right.', 'low'],
  [99, 'Return label', 'Needs a label for the wheelchair, collected on Thursday.', 'high'],
]
  .map((fields) => `${[...fields, 'open', '2026-10-30 09:00:00+00'].join('\t')}\n`)
  .join('')

function read(label: string, text: string): ScriptStep {
  return {
    label,
    outcome: 'ok',
    run: async (client) => (await client.query(text)).rowCount ?? 0,
  }
}

async function refill(client: Client): Promise<number> {
  await client.query('BEGIN')
  try {
    const changed = await client.query(
      'UPDATE products SET stock = stock + $1 WHERE sku = (SELECT sku FROM products ORDER BY stock, sku LIMIT 1) RETURNING sku, stock',
      [24],
    )
    const { sku, stock } = changed.rows[0] as { sku: string; stock: number }
    const noted = await client.query(
      `INSERT INTO support_tickets (customer_id, subject, body, priority, status, opened_at)
       VALUES ($1, $2, $3, 'low', 'closed', now()) RETURNING id`,
      [1, `Refilled ${sku}`, `Stock is ${stock} now.`],
    )
    await client.query('COMMIT')
    return (changed.rowCount ?? 0) + (noted.rowCount ?? 0)
  } catch (error) {
    // What went wrong is the answer; a rollback that fails too would hide it.
    await client.query('ROLLBACK').catch(() => {})
    throw error
  }
}
