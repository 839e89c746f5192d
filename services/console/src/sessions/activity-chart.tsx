import { Group, Text } from '@mantine/core'

import { count } from '../words/quantities.ts'
import { utcTime } from '../words/utc-time.ts'
import { total } from './hours.ts'
import type { Hour } from './hours.ts'

const width = 960
const height = 72
const widestBar = 48

const parts = [
  { name: 'allowed', className: 'bar-allowed', symbol: '■' },
  { name: 'errors', className: 'bar-errors', symbol: '▤' },
  { name: 'held', className: 'bar-held', symbol: '▥' },
  { name: 'blocked', className: 'bar-blocked', symbol: '▨' },
] as const

// Told apart without colours as well.
const patterns = { errors: 'lined', held: 'barred', blocked: 'slanted' } as const

export function ActivityChart({ hours }: { readonly hours: readonly Hour[] }) {
  const most = Math.max(1, ...hours.map(total))
  const step = Math.min(width / hours.length, widestBar)
  const [first, last] = [hours[0], hours.at(-1)]
  if (first === undefined || last === undefined) return null
  return (
    <div>
      <svg
        className="activity"
        viewBox={`0 0 ${width} ${height}`}
        preserveAspectRatio="xMinYMid meet"
        role="img"
        aria-label={`Statements per hour from ${hourName(first.hourMs)} to ${hourName(last.hourMs)} UTC, at most ${most}. The button "Show the numbers" gives them as a table.`}
      >
        <defs>
          <pattern id="slanted" width="5" height="5" patternUnits="userSpaceOnUse">
            <rect width="5" height="5" className="bar-blocked" />
            <path d="M-1 1l2-2M0 5l5-5M4 6l2-2" className="bar-lines" />
          </pattern>
          <pattern id="lined" width="4" height="4" patternUnits="userSpaceOnUse">
            <rect width="4" height="4" className="bar-errors" />
            <path d="M0 2h4" className="bar-lines" />
          </pattern>
          <pattern id="barred" width="4" height="4" patternUnits="userSpaceOnUse">
            <rect width="4" height="4" className="bar-held" />
            <path d="M2 0v4" className="bar-lines" />
          </pattern>
        </defs>
        <line x1="0" y1={height - 0.5} x2={width} y2={height - 0.5} className="axis" />
        {hours.map((hour, index) => (
          <Bar key={hour.hourMs} hour={hour} left={index * step} step={step} most={most} />
        ))}
      </svg>
      <Group justify="space-between" gap="md">
        <Text size="xs" c="dimmed" className="numbers">
          {hourName(first.hourMs)}
          {hours.length > 1 ? ` to ${hourName(last.hourMs)}` : ''} UTC · tallest {count(most)}
        </Text>
        <Group gap="md">
          {parts.map(({ name, className, symbol }) => (
            <Text key={name} size="xs">
              <span aria-hidden className={`legend ${className}`}>
                {symbol}
              </span>{' '}
              {name}
            </Text>
          ))}
        </Group>
      </Group>
    </div>
  )
}

interface BarProps {
  readonly hour: Hour
  readonly left: number
  readonly step: number
  readonly most: number
}

function Bar({ hour, left, step, most }: BarProps) {
  const scale = (height - 4) / most
  let top = height - 1
  return (
    <g>
      <title>{`${hourName(hour.hourMs)} UTC: ${hour.allowed} allowed, ${hour.errors} errors, ${hour.held} held, ${hour.blocked} blocked`}</title>
      <rect x={left} y={0} width={step} height={height} fill="transparent" />
      {parts.map(({ name, className }) => {
        const tall = hour[name] * scale
        if (tall === 0) return null
        // One blocked statement among a thousand must still be seen.
        const drawn = Math.max(tall, 3)
        top -= drawn
        return (
          <rect
            key={name}
            x={left + 1}
            y={top}
            width={Math.max(step - 2, 1)}
            height={drawn}
            className={className}
            {...(name === 'allowed' ? {} : { style: { fill: `url(#${patterns[name]})` } })}
          />
        )
      })}
    </g>
  )
}

function hourName(timeMs: number): string {
  return utcTime(timeMs).slice(0, 16)
}
