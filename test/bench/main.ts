/** `npm run bench -- edge|ledger|pipeline [options]`: each bench is a module of this folder with a `run`. */
type Run = (args: readonly string[]) => Promise<void>

const benches: ReadonlyMap<string, () => Promise<Run>> = new Map([
  ['edge', async () => (await import('./edge.ts')).run],
  ['ledger', async () => (await import('./ledger.ts')).run],
  ['pipeline', async () => (await import('./pipeline.ts')).run],
])

const [name = '', ...args] = process.argv.slice(2)
const load = benches.get(name)
if (load === undefined) {
  console.error(`usage: npm run bench -- ${[...benches.keys()].join('|')} [--help]`)
  process.exitCode = 2
} else {
  const run = await load()
  await run(args)
}
