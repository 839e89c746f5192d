import { declaredStatement, withTypes } from '../statements/parameter-types.ts'
import { BodyReader } from '../protocol/body-reader.ts'
import { decodeFrontend } from '../protocol/frontend.ts'
import { frontend, headerBytes } from '../protocol/message-types.ts'
import type { SessionState } from '../session-state.ts'
import type { Portal, Statement } from '../statements/statements.ts'

/** What names will stand for once messages that are kept back have been taken up: by that it is known what an Execute behind them runs. */
export class BatchAhead {
  readonly #state: SessionState
  /** Null for what is closed. */
  readonly #statements = new Map<string, Statement | null>()
  readonly #portals = new Map<string, Portal | null>()

  constructor(state: SessionState) {
    this.#state = state
  }

  /** Takes note of a message, whose bytes have to stay as they are. What it runs; null where it runs nothing that is there. */
  note(bytes: Buffer): Portal | null {
    const type = bytes[0] ?? 0
    const body = new BodyReader(bytes, headerBytes, bytes.length)
    if (type === frontend.parse) {
      this.#statements.set(body.name(), declaredStatement(body, this.#state.cache))
      return null
    }
    if (type === frontend.query) {
      const text = body.cstringBytes()
      return { statement: this.#state.cache.decide(text, 0, text.length), parameters: [] }
    }
    const message = decodeFrontend(type, bytes, 0, bytes.length)
    if (message.type === 'execute') return this.#portal(message.portal)
    if (message.type === 'bind') {
      const statement = this.#statement(message.statement)
      const portal = statement && {
        statement,
        parameters: withTypes(statement, message.parameters),
      }
      this.#portals.set(message.portal, portal)
    } else if (message.type === 'close') {
      const names = message.of === 'statement' ? this.#statements : this.#portals
      names.set(message.name, null)
    }
    return null
  }

  #statement(name: string): Statement | null {
    const ahead = this.#statements.get(name)
    return ahead === undefined ? this.#state.statements.get(name) : ahead
  }

  #portal(name: string): Portal | null {
    const ahead = this.#portals.get(name)
    return ahead === undefined ? this.#state.portals.get(name) : ahead
  }
}
