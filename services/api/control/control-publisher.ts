import { isControlUpdate } from '../../../schemas/control-record.ts'
import { controlKey, controlSignedText } from '../../../schemas/control.ts'
import type {
  ApprovalUpdate,
  ControlUpdate,
  CredentialUpdate,
  LockoutUpdate,
  OverrideUpdate,
  PolicyUpdate,
  RevocationUpdate,
  SignedControlUpdate,
  TokenUpdate,
} from '../../../schemas/control.ts'
import type { BusProducer } from '../../bus/bus.ts'
import { topics } from '../../bus/topics.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { ControlState } from './control-state.ts'

export interface ControlPublisherOptions {
  readonly producer: BusProducer
  /** Ed25519 with the api's key. */
  readonly sign: (message: Buffer) => Buffer | Promise<Buffer>
  readonly clock: Clock
  /** Learns at once what it would otherwise read back a little later. */
  readonly state: ControlState
}

/** An update before it has its version. */
export type UnversionedUpdate =
  | Omit<CredentialUpdate, 'version'>
  | Omit<RevocationUpdate, 'version'>
  | Omit<PolicyUpdate, 'version'>
  | Omit<ApprovalUpdate, 'version'>
  | Omit<OverrideUpdate, 'version'>
  | Omit<LockoutUpdate, 'version'>
  | Omit<TokenUpdate, 'version'>

/** Tells the edges, on `control.updates`, signed. The caller has recorded the same fact before. */
export class ControlPublisher {
  readonly #options: ControlPublisherOptions
  #lastVersion = 0

  constructor(options: ControlPublisherOptions) {
    this.#options = options
  }

  /**
   * Resolves with the update as the edges get it, when the bus has it durably. Rejects what every edge would refuse: whoever waits
   * for its effect has to learn that there is none.
   */
  async publish<T extends UnversionedUpdate>(unversioned: T): Promise<T & { version: number }> {
    // Versions rise as the clock does, and even when it was set back meanwhile, over a restart as well.
    const { clock, state } = this.#options
    this.#lastVersion = Math.max(this.#lastVersion, state.newestVersion, clock.nowMs() - 1) + 1
    const versioned = { ...unversioned, version: this.#lastVersion }
    const update = versioned as ControlUpdate
    if (!isControlUpdate(update)) {
      throw new TypeError(`no edge would read this ${unversioned.kind} update: ${faults()}`)
    }
    const text = JSON.stringify(update)
    const signature = await this.#options.sign(controlSignedText(text))
    const signed: SignedControlUpdate = { update: text, signature: signature.toString('base64') }
    await this.#options.producer.send(topics.controlUpdates, Buffer.from(controlKey(update)), [
      { value: Buffer.from(JSON.stringify(signed)), headers: {} },
    ])
    this.#options.state.take(update)
    return versioned
  }
}

/** Of the update that was just looked at: where and what, never a value. */
function faults(): string {
  return (isControlUpdate.errors ?? [])
    .map(({ instancePath, message }) => `${instancePath} ${message ?? ''}`)
    .join('; ')
}
