/** A thread in which one target is fuzzed. `workerData` is a `FuzzOrder`; it sends `FuzzNews`. */
import { parentPort as port, workerData } from 'node:worker_threads'

import { fuzzLoop } from './fuzz-loop.ts'
import type { FuzzNews, FuzzOrder } from './fuzz-run.ts'
import type { TargetModule } from './fuzz-target.ts'
import { WatchedInput } from './watched-input.ts'

const { module, inputs, seconds, seed, mostFindings, shared } = workerData as FuzzOrder
const targetModule = (await import(module)) as TargetModule

const result = await fuzzLoop({
  target: await targetModule.createTarget(),
  inputs: inputs.map((input) => Buffer.from(input)),
  seconds,
  seed,
  mostFindings,
  watched: new WatchedInput(shared),
  progress: (executions, covered, corpus) => send({ executions, covered, corpus }),
})
// Whoever asked ends the thread.
send({ result })

function send(news: FuzzNews): void {
  port?.postMessage(news)
}
