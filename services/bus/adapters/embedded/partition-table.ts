import { BusError } from '../../bus.ts'

/** What the main thread knows of a partition: only what is durable. */
export interface PartitionView {
  /** Its place in the list that both threads share. */
  readonly index: number
  readonly topic: string
  readonly topicId: number
  readonly partition: number
  low: number
  high: number
}

/** The partitions of a bus, and who waits for one to grow. */
export class PartitionTable {
  readonly #byTopic = new Map<string, PartitionView[]>()
  readonly #all: readonly PartitionView[]
  readonly #waiting = new Map<PartitionView, Set<() => void>>()

  constructor(partitions: readonly PartitionView[]) {
    this.#all = partitions
    for (const view of partitions) {
      const siblings = this.#byTopic.get(view.topic)
      if (siblings === undefined) this.#byTopic.set(view.topic, [view])
      else siblings.push(view)
    }
  }

  ofTopic(topic: string): readonly PartitionView[] {
    const views = this.#byTopic.get(topic)
    if (views === undefined) throw new BusError('BUS_TOPIC_MISSING', `there is no topic ${topic}`)
    return views
  }

  find(topic: string, partition: number): PartitionView {
    const view = this.ofTopic(topic)[partition]
    if (view === undefined) {
      throw new BusError('BUS_TOPIC_MISSING', `topic ${topic} has no partition ${partition}`)
    }
    return view
  }

  at(index: number): PartitionView | undefined {
    return this.#all[index]
  }

  /** Records up to `high` are durable: wakes whoever waits for them. */
  grow(view: PartitionView, high: number): void {
    view.high = high
    const waiting = this.#waiting.get(view)
    if (waiting === undefined) return
    this.#waiting.delete(view)
    for (const wake of waiting) wake()
  }

  /** Resolves when the partition has a record at or after `position`, or when the signal aborts. */
  async grown(view: PartitionView, position: number, signal: AbortSignal): Promise<void> {
    while (view.high <= position && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const waiting = this.#waiting.get(view) ?? new Set()
        this.#waiting.set(view, waiting)
        const wake = (): void => {
          waiting.delete(wake)
          signal.removeEventListener('abort', wake)
          resolve()
        }
        waiting.add(wake)
        signal.addEventListener('abort', wake)
      })
    }
  }
}
