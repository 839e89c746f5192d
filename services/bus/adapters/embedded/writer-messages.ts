import type { GroupOffset } from './bus-file.ts'
import type { TopicConfig } from '../../topic-config.ts'

/** What the writer's thread is started with. */
export interface WriterData {
  readonly file: string
  readonly topics: readonly TopicConfig[]
  readonly maxFileBytes: number | null
}

export type ToWriter =
  | {
      readonly type: 'append'
      readonly timestampMs: number
      /** Per batch three numbers: partition (its place in the list), records, bytes. */
      readonly batches: readonly number[]
      /** All batches one after the other: one buffer, moved to the writer and not copied. */
      readonly bytes: ArrayBuffer
      readonly offsets: readonly GroupOffset[]
    }
  | { readonly type: 'retain'; readonly nowMs: number }
  | { readonly type: 'close' }

/** Every append is answered by exactly one `appended` or `refused`, in order. */
export type FromWriter =
  | { readonly type: 'ready' }
  | { readonly type: 'appended'; readonly baseOffsets: readonly number[] }
  | { readonly type: 'refused'; readonly reason: string }
  | { readonly type: 'trimmed'; readonly partition: number; readonly low: number }
  /** Housekeeping failed; it is tried again later. */
  | { readonly type: 'troubled'; readonly task: string; readonly reason: string }
