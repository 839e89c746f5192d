import type { LogEntry } from 'kafkajs'

/** Kafka does not let us use a group. The client's own error says only that it found no coordinator; its log says why. */
export class GroupDenied extends Error {
  override readonly name = 'GroupDenied'
  readonly type = 'GROUP_AUTHORIZATION_FAILED'
}

export function saysGroupDenied({ namespace, log }: LogEntry): boolean {
  return (
    namespace === 'Connection' && String(log['error']).startsWith('Not authorized to access group')
  )
}
