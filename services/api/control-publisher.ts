import { controlKey, controlSignedText } from '../../schemas/control.ts'
import type {
  ApprovalUpdate,
  ControlUpdate,
  CredentialUpdate,
  PolicyUpdate,
  RevocationUpdate,
  SignedControlUpdate,
} from '../../schemas/control.ts'
import type { BusProducer } from '../bus/bus.ts'
import { topics } from '../bus/topics.ts'
import type { Clock } from '../runtime/clock.ts'

export interface ControlPublisherOptions {
  readonly producer: BusProducer
  /** Ed25519 with the api's key. */
  readonly sign: (message: Buffer) => Buffer | Promise<Buffer>
  readonly clock: Clock
}

/** An update before it has its version. */
export type UnversionedUpdate =
  | Omit<CredentialUpdate, 'version'>
  | Omit<RevocationUpdate, 'version'>
  | Omit<PolicyUpdate, 'version'>
  | Omit<ApprovalUpdate, 'version'>

/** Tells the edges, on `control.updates`, signed. The caller has recorded the same fact before. */
export class ControlPublisher {
  readonly #options: ControlPublisherOptions
  #lastVersion = 0

  constructor(options: ControlPublisherOptions) {
    this.#options = options
  }

  /** Resolves when the bus has it durably. */
  async publish(unversioned: UnversionedUpdate): Promise<void> {
    // Versions rise across restarts as the clock does, and within a process even when it does not.
    this.#lastVersion = Math.max(this.#lastVersion + 1, this.#options.clock.nowMs())
    const update = { ...unversioned, version: this.#lastVersion } as ControlUpdate
    const text = JSON.stringify(update)
    const signature = await this.#options.sign(controlSignedText(text))
    const signed: SignedControlUpdate = { update: text, signature: signature.toString('base64') }
    await this.#options.producer.send(topics.controlUpdates, Buffer.from(controlKey(update)), [
      { value: Buffer.from(JSON.stringify(signed)), headers: {} },
    ])
  }
}
