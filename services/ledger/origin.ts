/** The origin of a log, which is also the name of the key that signs it: `<operator>/<env>/<topic>/p<NN>/<YYYYqN>`. */
export interface OriginParts {
  readonly operator: string
  readonly environment: string
  readonly topic: string
  readonly part: number
  readonly period: string
}

export function originOf(parts: OriginParts): string {
  const { operator, environment, topic, part, period } = parts
  return `${operator}/${environment}/${topic}/p${String(part).padStart(2, '0')}/${period}`
}

/** The UTC quarter of a time, `2026q4`. Its text sorts as time does. */
export function periodOf(ms: number): string {
  const date = new Date(ms)
  return `${date.getUTCFullYear()}q${Math.floor(date.getUTCMonth() / 3) + 1}`
}
