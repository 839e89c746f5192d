import { BusError } from '../../bus.ts'
import type { TopicConfig } from '../../topic-config.ts'
import type { TopicAdmin } from './topic-admin.ts'
import { checkTopic, settingsFor, type Replication } from './topic-settings.ts'

/** What senders and readers have to know of a topic. It stays as it is while the bus is open. */
export interface TopicFacts {
  readonly partitions: number
  /** The largest batch that Kafka takes. */
  readonly maxMessageBytes: number
}

export class TopicTable {
  readonly #admin: TopicAdmin
  readonly #known = new Map<string, TopicFacts>()

  constructor(admin: TopicAdmin) {
    this.#admin = admin
  }

  /** Makes what is missing, where told to, and refuses what does not fit. */
  async open(topics: readonly TopicConfig[], provision: Replication | null): Promise<void> {
    for (const topic of topics) {
      if ((await this.#admin.shapeOf(topic.name)) === null) {
        if (provision === null) throw missing(topic.name)
        await this.#admin.create({
          ...topic,
          replication: provision.replication,
          settings: settingsFor(topic, provision),
        })
      }
      const shape = await this.#admin.shapeOf(topic.name)
      if (shape === null) throw missing(topic.name)
      const settings = await this.#admin.settingsOf(topic.name)
      checkTopic(topic, shape, settings, provision)
      this.#learn(topic.name, shape.partitions, settings)
    }
  }

  /** Known at once for the topics of the bus; any other is asked for once. */
  async of(topic: string): Promise<TopicFacts> {
    const known = this.#known.get(topic)
    if (known !== undefined) return known
    const shape = await this.#admin.shapeOf(topic)
    if (shape === null) throw missing(topic)
    return this.#learn(topic, shape.partitions, await this.#admin.settingsOf(topic))
  }

  /** The number of partitions that Kafka has now. */
  async recount(topic: string): Promise<number> {
    return (await this.#admin.shapeOf(topic))?.partitions ?? 0
  }

  #learn(topic: string, partitions: number, settings: ReadonlyMap<string, string>): TopicFacts {
    const facts = { partitions, maxMessageBytes: Number(settings.get('max.message.bytes') ?? 0) }
    this.#known.set(topic, facts)
    return facts
  }
}

function missing(topic: string): BusError {
  return new BusError(
    'BUS_TOPIC_MISSING',
    `there is no topic ${topic} in Kafka, or it is hidden from this user: create it, or let it be created`,
  )
}
