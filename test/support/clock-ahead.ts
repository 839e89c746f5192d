/** Loaded before the program by `--import`: its wall clock is ahead of the machine's by CLOCK_AHEAD_MS. */
const aheadMs = Number(process.env['CLOCK_AHEAD_MS'])
if (!Number.isSafeInteger(aheadMs))
  throw new TypeError('CLOCK_AHEAD_MS is no number of milliseconds')
const OwnDate = Date

class LaterDate extends OwnDate {
  constructor(...given: readonly unknown[]) {
    if (given.length === 0) super(LaterDate.now())
    else super(...(given as [number]))
  }

  static override now(): number {
    return OwnDate.now() + aheadMs
  }
}

globalThis.Date = LaterDate as DateConstructor
