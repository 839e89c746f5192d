import kafkajs, { type LogEntry, type logCreator } from 'kafkajs'
import type { Logger } from 'pino'

const { logLevel } = kafkajs

/** What of the client's fields may be logged: names, numbers and places. Errors come as its own text, never an object. */
const kept = ['groupId', 'memberId', 'topic', 'partition', 'broker', 'retryCount', 'retryTime']

/**
 * Brings the client's log to ours. It calls each attempt of a retry an error; what really failed reaches us as an error, so
 * everything is one level lower here. `observe` sees each line first and may throw: some things are said nowhere else.
 */
export function clientLog(logger: Logger, observe: (entry: LogEntry) => void): logCreator {
  return () => (entry) => {
    observe(entry)
    const { namespace, log } = entry
    const fields: Record<string, unknown> = { part: 'kafkajs', in: namespace }
    for (const name of kept) if (log[name] !== undefined) fields[name] = log[name]
    if (typeof log['error'] === 'string') fields['reason'] = log['error']
    if (entry.level <= logLevel.WARN) logger.warn(fields, log.message)
    else if (entry.level === logLevel.INFO) logger.debug(fields, log.message)
    else logger.trace(fields, log.message)
  }
}

/** The client builds each line before it asks whether anybody wants it. */
export function clientLogLevel(logger: Logger): kafkajs.logLevel {
  return logger.isLevelEnabled('trace') ? logLevel.DEBUG : logLevel.INFO
}
