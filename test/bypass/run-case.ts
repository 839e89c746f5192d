import { answersIn, isRefusal } from './answers.ts'
import type { Answer } from './answers.ts'
import type { Attempt, BypassCase, ClientKind, Expectation } from './case-file.ts'
import { sendHello, sendTexts, sendWire } from './clients.ts'
import type { Ground } from './ground.ts'
import { secretsIn } from './secrets.ts'
import { variantsOf } from './variants.ts'

/** What became of one case at one target. */
export interface CaseOutcome {
  /** How often something was tried, all clients and variants counted. */
  readonly tries: number
  readonly leaks: readonly string[]
  /** What changed at the target, or ran there, that must not have. */
  readonly executions: readonly string[]
  /** Where an answer was not the expected one. */
  readonly surprises: readonly string[]
}

export interface RunOptions {
  /** How many variants of each attempt; the rest is left for the wide run. */
  readonly variants: number
  /** Through how many of its clients each attempt goes; they take turns. */
  readonly clients: number
}

const everyClient: readonly ClientKind[] = [
  'simple',
  'extended',
  'binary',
  'pipelined',
  'split',
  'pg',
  'pg-values',
]

/** Runs a case through every client it names, then its variants. A try that hangs for 10 s is a surprise. */
export async function runCase(
  bypass: BypassCase,
  ground: Ground,
  options: RunOptions,
): Promise<CaseOutcome> {
  const run = new CaseRun(bypass, ground, options)
  await run.begin()
  for (const attempt of bypass.attempts) await run.attempt(attempt)
  return run.finish()
}

class CaseRun {
  readonly #case: BypassCase
  readonly #ground: Ground
  readonly #leaks: string[] = []
  readonly #executions: string[] = []
  readonly #surprises: string[] = []
  readonly #options: RunOptions
  #tries = 0

  constructor(bypass: BypassCase, ground: Ground, options: RunOptions) {
    this.#case = bypass
    this.#options = options
    this.#ground = ground
  }

  async begin(): Promise<void> {
    await this.#ground.prepare(this.#case.setup)
    if (this.#case.plants !== undefined) await this.#ground.plant(this.#case.plants)
  }

  async attempt(attempt: Attempt): Promise<void> {
    if (typeof attempt === 'object' && 'hello' in attempt) return this.#hello(attempt.hello)
    if (typeof attempt === 'object' && 'wire' in attempt) {
      const { wire } = attempt
      const send = (): Promise<void> => sendWire(this.#way({}, 0), wire, this.#ground.functionOids)
      return this.#one('wire', JSON.stringify(wire), send, this.#case.expect)
    }
    const { texts, startup = {}, minor = 0 } = inFull(attempt)
    const way = this.#way(startup, minor)
    const { through = everyClient, vary = [], expect } = this.#case
    // node-postgres and psql have startup parameters of their own.
    const isRaw = Object.keys(startup).length > 0 || minor > 0
    const able = through.filter((kind) => !isRaw || !['pg', 'pg-values', 'psql'].includes(kind))
    for (const kind of rotated(able, this.#tries, this.#options.clients)) {
      await this.#one(kind, texts.join(' ⏎ '), () => sendTexts(kind, way, texts), expect)
    }
    const { keywords } = this.#ground
    const all = variantsOf(texts, vary, { keywords, random: seeded(this.#case.id) })
    for (const { kind, texts: varied } of spread(all, this.#options.variants)) {
      const client = through[this.#tries % through.length] ?? 'simple'
      const text = varied.join(' ⏎ ')
      const through_ = client === 'psql' || client === 'split' ? 'simple' : client
      const expected = kind === 'nested' ? 'harmless' : expect
      await this.#one(`${through_} ${kind}`, text, () => sendTexts(through_, way, varied), expected)
    }
  }

  async finish(): Promise<CaseOutcome> {
    for (const { sql, is } of this.#case.after ?? []) {
      const { rows } = await this.#ground.direct.query<string[]>({ text: sql, rowMode: 'array' })
      const found = rows.map((row) => row.join('|')).join('\n')
      if (found !== is) this.#surprises.push(`${sql}: ${found} instead of ${is}`)
    }
    return {
      tries: this.#tries,
      leaks: this.#leaks,
      executions: this.#executions,
      surprises: this.#surprises,
    }
  }

  #way(startup: Readonly<Record<string, string>>, minor: number) {
    return { port: this.#ground.lane(this.#case.policy).tap.port, startup, minor }
  }

  /** One try: what came back, what the record holds, and what the target looks like afterwards. */
  async #one(
    through: string,
    text: string,
    send: () => Promise<void>,
    expect: BypassCase['expect'],
  ): Promise<void> {
    this.#tries += 1
    const { tap, recorder } = this.#ground.lane(this.#case.policy)
    tap.take()
    recorder.events.length = 0
    const where = `${through}: ${text.slice(0, 300)}`
    const sent = send()
    if (!(await endsInTime(sent))) {
      this.#surprises.push(`${where}: hangs`)
      tap.cut()
      await sent
    }
    const changed = await this.#ground.changes()
    const bytes = tap.take()
    for (const secret of secretsIn(bytes)) this.#leaks.push(`${where}: ${secret}`)
    for (const event of recorder.events) {
      const recorded = [
        event.response?.content ?? Buffer.alloc(0),
        Buffer.from(event.completion?.error_message ?? ''),
      ]
      for (const secret of secretsIn(Buffer.concat(recorded))) {
        this.#leaks.push(`${where}: ${secret} in ${event.type}`)
      }
    }
    if (this.#case.changes !== true || through.endsWith(' nested')) {
      for (const part of changed) this.#executions.push(`${where}: ${part} changed`)
    }
    const answers = answersIn(bytes)
    const surprise = surpriseIn(answers, expect, this.#case.shows ?? [])
    if (surprise !== null) this.#surprises.push(`${where}: ${surprise}`)
  }

  async #hello(hex: string): Promise<void> {
    this.#tries += 1
    const { port, tap } = this.#ground.tls
    tap.take()
    const hello = Buffer.from(hex.replace(/\s/g, ''), 'hex')
    if (!(await endsInTime(sendHello(port, hello)))) this.#surprises.push(`hello ${hex}: hangs`)
    const said = tap.take()
    // 'S' or 'N' for a request to encrypt, then at most one error; nothing of a session.
    const error = said.subarray(/^[SN]*/.exec(said.toString('latin1'))?.[0].length ?? 0)
    if (error.length > 0 && error[0] !== 0x45) {
      this.#surprises.push(`hello ${hex}: answered ${said.toString('latin1').slice(0, 80)}`)
    }
  }
}

interface InFull {
  readonly texts: readonly string[]
  readonly startup?: Readonly<Record<string, string>>
  readonly minor?: number
}

function inFull(attempt: Exclude<Attempt, { hello: string } | { wire: unknown }>): InFull {
  if (typeof attempt === 'string') return { texts: [attempt] }
  return 'texts' in attempt ? attempt : { texts: attempt }
}

/** Null when every answer is as it should be. The first answer is that of the startup. */
function surpriseIn(
  all: readonly Answer[],
  expect: BypassCase['expect'],
  shows: readonly string[],
): string | null {
  const [startup, ...answers] = all
  if (startup === undefined) return 'no answer at all'
  const expected: readonly Expectation[] =
    typeof expect === 'object' && 'length' in expect ? expect : [expect]
  if (!startup.isComplete) {
    const code = startup.errors[0]?.get('C') ?? 'nothing'
    const is = expected.at(-1)
    const isWanted =
      is === 'ended' ||
      is === 'harmless' ||
      is === 'refused' ||
      (typeof is === 'object' && is.error === code)
    return isWanted ? null : `not signed in: ${code} ${startup.errors[0]?.get('M') ?? ''}`
  }
  // Of a sequence, one expectation is that of the last answer.
  const offset = expected.length === 1 ? answers.length - 1 : 0
  for (const [index, one] of expected.entries()) {
    const answer = answers[Math.max(0, offset) + index]
    const surprise = answer === undefined ? missing(one) : surpriseOf(answer, one, shows)
    if (surprise !== null) return surprise
  }
  const text = answers.flatMap(({ rows }) => rows.flat()).map((value) => value?.toString('latin1'))
  const unseen = shows.find((value) => !text.includes(value))
  const isToShow = expected.length === 1 && expected[0] !== 'harmless'
  return unseen === undefined || !isToShow ? null : `${unseen} is not shown`
}

function missing(expect: Expectation): string | null {
  return expect === 'ended' || expect === 'any' || expect === 'harmless' ? null : 'no answer'
}

function surpriseOf(answer: Answer, expect: Expectation, shows: readonly string[]): string | null {
  const { errors, rows } = answer
  const said = errors.map((fields) => `${fields.get('C')} ${fields.get('M')}`).join('; ')
  const values = rows.flat().map((value) => value?.toString('utf8') ?? null)
  if (typeof expect === 'object') {
    return errors.some((fields) => fields.get('C') === expect.error)
      ? null
      : `not ${expect.error}: ${said}`
  }
  switch (expect) {
    case 'any':
    case 'harmless':
      return null
    case 'ended':
      return answer.isComplete ? `the session goes on: ${said}` : null
    case 'allowed':
      return errors.length === 0 ? null : said
    case 'refused':
    case 'held': {
      const isRefused = errors.some(isRefusal) && rows.length === 0
      if (!isRefused) return `not refused: ${said}${values.join(' ').slice(0, 80)}`
      const isHeld = errors.some((fields) => fields.get('M')?.includes('approval') === true)
      return expect === 'refused' || isHeld ? null : `not held: ${said}`
    }
    case 'masked': {
      if (errors.length > 0) return `not masked but refused: ${said}`
      if (rows.length === 0) return 'no rows'
      const bare = values.find(
        (value) => value !== null && !isMask(value) && !shows.includes(value),
      )
      return bare === undefined ? null : `${bare?.slice(0, 60)} is not masked`
    }
  }
}

function isMask(value: string): boolean {
  return /^(tok_[\w-]{22}|\*{4}.{0,4})$/.test(value)
}

async function endsInTime(work: Promise<void>): Promise<boolean> {
  const late = Symbol('late')
  let timer: NodeJS.Timeout | undefined
  const first = await Promise.race([
    work,
    new Promise<symbol>((resolve) => {
      timer = setTimeout(() => resolve(late), 10_000)
    }),
  ])
  clearTimeout(timer)
  return first !== late
}

function rotated<T>(all: readonly T[], from: number, count: number): readonly T[] {
  if (all.length <= count) return all
  return Array.from({ length: count }, (_, index) => all[(from + index) % all.length]).filter(
    (each) => each !== undefined,
  )
}

/** Evenly from the whole list, so that few variants are of many kinds. */
function spread<T>(all: readonly T[], count: number): readonly T[] {
  if (all.length <= count) return all
  return Array.from(
    { length: count },
    (_, index) => all[Math.floor((index * all.length) / count)],
  ).filter((each) => each !== undefined)
}

/** mulberry32, seeded by a text: the same case has the same variants everywhere. */
function seeded(text: string): () => number {
  let state = Array.from(text).reduce(
    (sum, character) => (sum * 31 + character.charCodeAt(0)) | 0,
    7,
  )
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
