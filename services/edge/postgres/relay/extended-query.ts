import { pinnedSettings } from '../target/pinned-settings.ts'
import { Expected } from './expected-responses.ts'
import { applyChanges, awaitReply, forward } from './forwarding.ts'
import type { HeldInBatch } from '../holds/held-in-batch.ts'
import type { Outgoing } from './outgoing.ts'
import { declaredStatement, withTypes } from '../statements/parameter-types.ts'
import { BodyReader } from '../protocol/body-reader.ts'
import { decodeFrontend, encodeFrontend } from '../protocol/frontend.ts'
import { frontend, headerBytes } from '../protocol/message-types.ts'
import { sqlState } from '../refusals.ts'
import type { RequestGate } from '../request-gate.ts'
import { mayBeMisread } from '../session-state.ts'
import type { SessionState } from '../session-state.ts'
import { ownParameter, ownStatement } from '../statements/statements.ts'
import type { Portal, Statement } from '../statements/statements.ts'
import { withholdIfItMayWait } from '../holds/withheld-batch.ts'

/** The messages of the extended protocol: what a name stands for is decided when it is declared, and again when it is run. */
export class ExtendedQuery {
  readonly #state: SessionState
  readonly #gate: RequestGate
  readonly #toTarget: Outgoing
  readonly #heldInBatch: Pick<HeldInBatch, 'putsOff'>

  constructor(
    state: SessionState,
    gate: RequestGate,
    toTarget: Outgoing,
    heldInBatch: Pick<HeldInBatch, 'putsOff'>,
  ) {
    this.#state = state
    this.#gate = gate
    this.#toTarget = toTarget
    this.#heldInBatch = heldInBatch
  }

  // Parse: String statement, String text, Int16 n, Int32 type OID × n
  parse(bytes: Buffer, start: number, end: number): boolean {
    const { statements, cache, batch, limits } = this.#state
    const body = new BodyReader(bytes, start + headerBytes, end)
    const name = body.name()
    if (statements.isUncertain(name, batch)) return false
    // It is kept for as long as the name is.
    const decided = ownStatement(declaredStatement(body, cache))
    const statement =
      name === '' ? decided : { ...decided, parse: Buffer.from(bytes.subarray(start, end)) }
    const entry = new Expected('parse', batch)
    if (this.#gate.forbids(entry, statement, [])) return true
    if (!withholdIfItMayWait(this.#state, statement)) return false
    if (name !== '' && statements.size >= limits.maxNames) {
      this.#gate.refuse(entry, statement, [], sqlState.tooMuch, 'too many prepared statements')
      return true
    }
    if (mayBeMisread(this.#state, statement.text)) this.#setBackReading()
    const isRedeclared = name !== '' && statements.get(name) !== null
    cache.declare('statement', name, statement)
    entry.statement = statements.declare(name, statement, batch)
    this.#gate.addUnclaimed({ entry, portal: null, statement })
    forward(this.#state, this.#toTarget, entry, bytes, start, end)
    // Whether the target keeps the old statement or takes the new one must be known before the name is used.
    if (isRedeclared) awaitReply(this.#state, this.#toTarget, entry)
    return true
  }

  bind(bytes: Buffer, start: number, end: number): boolean {
    const { statements, portals, batch, limits } = this.#state
    const bind = decodeFrontend(frontend.bind, bytes, start, end)
    if (bind.type !== 'bind') throw new TypeError('a Bind message decodes as one')
    const { statement: statementName, portal: name } = bind
    if (statements.isUncertain(statementName, batch) || portals.isUncertain(name, batch))
      return false
    const statement = statements.get(statementName)
    const entry = new Expected('bind', batch)
    if (statement === null) {
      this.#gate.refuseUnknown(
        entry,
        sqlState.statementUnknown,
        'prepared statement does not exist',
      )
      return true
    }
    // As the policy in force has it: the statement may have been prepared under another.
    if (this.#gate.forbids(entry, statement, bind.parameters)) return true
    if (!this.#gate.mayBegin(this.#state.cache.renewed(statement))) return false
    if (name !== '' && portals.size >= limits.maxNames) {
      this.#gate.refuse(entry, statement, [], sqlState.tooMuch, 'too many portals')
      return true
    }
    if (statements.isDoubtful(statementName)) this.#parseAnew(statementName, statement)
    const isRedeclared = name !== '' && portals.get(name) !== null
    // A named portal outlives the chunk that its values lie in.
    const bound = withTypes(statement, bind.parameters)
    const parameters = name === '' ? bound : bound.map(ownParameter)
    const portal = { statement, parameters }
    this.#state.cache.declare('portal', name, statement)
    entry.portal = portals.declare(name, portal, batch)
    this.#gate.addUnclaimed({ entry, portal, statement })
    forward(this.#state, this.#toTarget, entry, bytes, start, end)
    if (isRedeclared) awaitReply(this.#state, this.#toTarget, entry)
    return true
  }

  // Execute: String portal, Int32 maximum of rows
  execute(bytes: Buffer, start: number, end: number): boolean {
    const { portals, batch } = this.#state
    const body = new BodyReader(bytes, start + headerBytes, end)
    const name = body.name()
    body.int32()
    body.finish()
    if (portals.isUncertain(name, batch)) return false
    const portal = portals.get(name)
    if (portal !== null && this.#heldInBatch.putsOff(portal, bytes, start, end)) return true
    if (portal !== null && this.#awaitsWhatIsBefore(portal)) return false
    const entry = new Expected('execute', batch)
    if (portal === null) {
      this.#gate.refuseUnknown(entry, sqlState.portalUnknown, 'portal does not exist')
      return true
    }
    const statement = portals.isDoubtful(name)
      ? this.#state.cache.doubted(portal.statement)
      : portal.statement
    const admission = this.#gate.admit(entry, statement, portal.parameters, null)
    if (admission !== 'forwarded') return admission !== 'waits'
    this.#state.isWithheld = false
    this.#gate.claim(portal, entry.request)
    if (applyChanges(this.#state, statement)) {
      this.#state.isUnsettled = true
      this.#state.isReadOtherwise = true
    }
    // As the policy in force says, which may be another than when it was prepared.
    if (entry.request?.mask != null) this.#describeFor(entry, name)
    forward(this.#state, this.#toTarget, entry, bytes, start, end)
    return true
  }

  /** What fails before it in its batch has it not run: its approval is used only once that is known. */
  #awaitsWhatIsBefore({ statement }: Portal): boolean {
    const { cache, expected, batch } = this.#state
    if (cache.renewed(statement).verdict.refusal?.kind !== 'held') return false
    const { last } = expected
    if (last === null || !expected.hasRequestIn(batch)) return false
    awaitReply(this.#state, this.#toTarget, last)
    return true
  }

  describe(bytes: Buffer, start: number, end: number): void {
    const describe = decodeFrontend(frontend.describe, bytes, start, end)
    const isStatement = describe.type === 'describe' && describe.of === 'statement'
    const kind = isStatement ? 'describe-statement' : 'describe-portal'
    const entry = new Expected(kind, this.#state.batch)
    forward(this.#state, this.#toTarget, entry, bytes, start, end)
  }

  close(bytes: Buffer, start: number, end: number): void {
    const { statements, portals, batch } = this.#state
    const close = decodeFrontend(frontend.close, bytes, start, end)
    if (close.type !== 'close') throw new TypeError('a Close message decodes as one')
    const entry = new Expected('close', batch)
    if (close.of === 'statement') entry.statement = statements.declare(close.name, null, batch)
    else entry.portal = portals.declare(close.name, null, batch)
    forward(this.#state, this.#toTarget, entry, bytes, start, end)
  }

  sync(bytes: Buffer, start: number, end: number): void {
    const state = this.#state
    if (state.copyIn !== null) {
      // The target ignores Sync while it reads COPY data.
      this.#toTarget.add(bytes, start, end)
      return
    }
    this.#gate.recordUnclaimed()
    state.isSkipping = false
    const entry = new Expected('sync', state.batch)
    if (state.isUnsettled) state.awaited = entry
    state.isUnsettled = false
    state.isReadOtherwise = false
    // It may end the transaction, and what was deferred runs then.
    if (state.codeRan?.batch === state.batch && state.codeRan.takesNames) state.statements.doubt()
    state.batch++
    forward(this.#state, this.#toTarget, entry, bytes, start, end)
  }

  /**
   * What the target has under this name now, code of users may have put there: it is closed and parsed as the client did, so that what
   * is bound is what was decided.
   */
  #parseAnew(name: string, statement: Statement): void {
    const { statements, batch } = this.#state
    const { text, parse } = statement
    if (parse === undefined) throw new TypeError('a named statement has its Parse')
    if (mayBeMisread(this.#state, text)) this.#setBackReading()
    const closed = new Expected('close', batch)
    const parsed = new Expected('parse', batch)
    for (const entry of [closed, parsed]) entry.isOwn = true
    // Closed, and yet there for the client: where parsing fails, it is tried again with the next Bind.
    parsed.statement = statements.declare(name, statement, batch)
    const close = encodeFrontend({ type: 'close', of: 'statement', name })
    forward(this.#state, this.#toTarget, closed, close, 0, close.length)
    forward(this.#state, this.#toTarget, parsed, parse, 0, parse.length)
  }

  /** Code may have changed how text is read: until this transaction ends it is read as ever. What changed is reported with its end. */
  #setBackReading(): void {
    const { batch } = this.#state
    this.#state.isReadOtherwise = false
    for (const message of readAsEver) {
      const entry = new Expected(message.type, batch)
      entry.isOwn = true
      const bytes = encodeFrontend(message)
      forward(this.#state, this.#toTarget, entry, bytes, 0, bytes.length)
    }
  }

  /** Clients remember what a statement answers and do not ask again; the mask has to know for this very portal. */
  #describeFor(execute: Expected, name: string): void {
    const entry = new Expected('describe-portal', execute.batch)
    entry.isOwn = true
    entry.request = execute.request
    this.#state.expected.push(entry)
    this.#toTarget.push(encodeFrontend({ type: 'describe', of: 'portal', name }))
  }
}

const own = 'affidavit reads text as ever'
const readAsEver = [
  { type: 'close', of: 'statement', name: own },
  {
    type: 'parse',
    statement: own,
    text: Buffer.from(
      `SELECT ${[...pinnedSettings]
        .map(([name, value]) => `pg_catalog.set_config('${name}', '${value}', true)`)
        .join(', ')}`,
    ),
    parameterTypes: [],
  },
  { type: 'bind', portal: own, statement: own, parameters: [], resultFormats: [] },
  { type: 'execute', portal: own, maxRows: 0 },
  { type: 'close', of: 'portal', name: own },
  { type: 'close', of: 'statement', name: own },
] as const
