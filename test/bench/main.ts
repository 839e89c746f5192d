/** `npm run bench -- edge|ledger [options]`: each bench is a module of this folder with a `run`. */
const benches: ReadonlyMap<string, () => Promise<{ run(args: readonly string[]): Promise<void> }>> =
  new Map([
    ['edge', () => import('./edge.ts')],
    ['ledger', () => import('./ledger.ts')],
  ])

const [name = '', ...args] = process.argv.slice(2)
const load = benches.get(name)
if (load === undefined) {
  console.error(`usage: npm run bench -- ${[...benches.keys()].join('|')} [--help]`)
  process.exitCode = 2
} else {
  const { run } = await load()
  await run(args)
}
