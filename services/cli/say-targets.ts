import type { EdgeConfig } from '../runtime/config.ts'

/** Says where clients connect. */
export function sayTargets({ targets, edge }: EdgeConfig): void {
  for (const target of targets) {
    process.stdout.write(`target    ${target.name} at ${edge.publicHost}:${target.port}\n`)
  }
}
