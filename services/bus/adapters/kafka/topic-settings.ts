import { BusError } from '../../bus.ts'
import type { TopicConfig } from '../../topic-config.ts'
import type { TopicShape } from './topic-admin.ts'

/** Key, headers and value of one record together, as on the embedded bus. */
export const largestRecordBytes = 8 << 20

/** What Kafka counts is the batch around the record. */
const messageBytes = largestRecordBytes + (64 << 10)

export interface Replication {
  readonly replication: number
  readonly minInsyncReplicas: number
}

/** The settings that a topic is made with. */
export function settingsFor(
  topic: TopicConfig,
  { minInsyncReplicas }: Replication,
): Readonly<Record<string, string>> {
  return {
    'min.insync.replicas': String(minInsyncReplicas),
    'unclean.leader.election.enable': 'false',
    // Records stay as their producer packed them.
    'compression.type': 'producer',
    'max.message.bytes': String(messageBytes),
    // A record counts from when the bus took it: an edge's clock must not decide how long it is kept.
    'message.timestamp.type': 'LogAppendTime',
    'cleanup.policy': topic.compacted === true ? 'compact' : 'delete',
    'retention.bytes': '-1',
    'retention.ms': topic.compacted === true ? '-1' : String(topic.retentionMs ?? -1),
  }
}

/**
 * Refuses a topic that would lose, move or refuse what we send, in a sentence that names topic, setting, what was found and
 * what is wanted. `wanted` is null where others provision the topics.
 */
export function checkTopic(
  topic: TopicConfig,
  shape: TopicShape,
  settings: ReadonlyMap<string, string>,
  wanted: Replication | null,
): void {
  if (shape.partitions !== topic.partitions) {
    throw new BusError(
      'BUS_PARTITIONS_DIFFER',
      `topic ${topic.name} has ${shape.partitions} partitions in Kafka, ${topic.partitions} are configured: another count would move sessions to other logs`,
    )
  }
  const unfit = (setting: string, found: string, want: string): BusError =>
    new BusError(
      'BUS_TOPIC_UNFIT',
      `topic ${topic.name} does not fit: ${setting} is ${found}, wanted is ${want}; change it in Kafka, it is never changed from here`,
    )
  const valueOf = (setting: string): string => settings.get(setting) ?? 'not set'
  const numberOf = (setting: string): number => Number(settings.get(setting) ?? Number.NaN)

  const policy = topic.compacted === true ? 'compact' : 'delete'
  if (valueOf('cleanup.policy') !== policy) {
    throw unfit('cleanup.policy', valueOf('cleanup.policy'), policy)
  }
  if (topic.compacted !== true) {
    const least = topic.retentionMs ?? -1
    const found = numberOf('retention.ms')
    const isLongEnough = found === -1 || (least !== -1 && found >= least)
    if (!isLongEnough) {
      const want = least === -1 ? '-1 (kept for ever)' : `at least ${least}`
      throw unfit('retention.ms', valueOf('retention.ms'), want)
    }
    if (numberOf('retention.bytes') !== -1) {
      throw unfit('retention.bytes', valueOf('retention.bytes'), '-1 (kept by time alone)')
    }
  }
  if (!(numberOf('max.message.bytes') >= messageBytes)) {
    throw unfit('max.message.bytes', valueOf('max.message.bytes'), `at least ${messageBytes}`)
  }
  const leastReplicas = wanted?.replication ?? 1
  if (shape.replicas < leastReplicas) {
    throw unfit('the number of replicas', String(shape.replicas), `at least ${leastReplicas}`)
  }
  if (shape.replicas > 1) {
    const least = Math.max(2, wanted?.minInsyncReplicas ?? 2)
    if (!(numberOf('min.insync.replicas') >= least)) {
      throw unfit('min.insync.replicas', valueOf('min.insync.replicas'), `at least ${least}`)
    }
    if (valueOf('unclean.leader.election.enable') !== 'false') {
      const setting = 'unclean.leader.election.enable'
      throw unfit(setting, valueOf(setting), 'false')
    }
  }
}
