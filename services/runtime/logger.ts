import { pino } from 'pino'
import type { Logger } from 'pino'

export type { Logger } from 'pino'

/**
 * The process log, JSON lines on standard error. It is not evidence: audit events never pass through it, and no statement text,
 * tool argument, credential or token is ever given to it. Messages are constant; what varies is in fields.
 */
export function createLogger(level: string): Logger {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination(2))
}
