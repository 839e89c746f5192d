import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'

import { formatProblem } from '../../schemas/validated-document.ts'
import { loadClassification } from '../edge/guard/masking/classification.ts'
import type { Grammar } from '../edge/postgres/facts/grammar.ts'
import { TargetMasking } from '../edge/postgres/masking/target-masking.ts'
import type { PostgresTarget } from '../edge/postgres/target/target.ts'
import type { EdgeConfig } from '../runtime/config.ts'
import { readSecretFile, writeSecretFile } from '../runtime/key-file.ts'
import type { Lifecycle } from '../runtime/lifecycle.ts'
import type { Logger } from '../runtime/logger.ts'

export interface MaskingOptions {
  readonly config: EdgeConfig
  readonly target: PostgresTarget
  readonly classificationFile: string
  readonly grammar: Grammar
  readonly lifecycle: Lifecycle
  readonly logger: Logger
}

/** Knows the masked columns of one target, once it has read its catalog, and keeps knowing them. */
export async function startMasking(options: MaskingOptions): Promise<TargetMasking> {
  const { config, target, grammar, lifecycle, logger } = options
  const masking = new TargetMasking({
    target,
    login: {
      user: target.user,
      password: target.password,
      database: target.database,
      applicationName: 'affidavit catalog',
      // Then definitions of views name everything with its schema.
      settings: new Map([['search_path', 'pg_catalog']]),
    },
    columns: await readClassification(options.classificationFile),
    key: await maskingKey(config.edge.maskingKeyFile),
    grammar,
    logger: logger.child({ part: 'masking' }),
  })
  lifecycle.background(`masking of ${target.name}`, masking.run(lifecycle.signal))
  return masking
}

async function readClassification(file: string) {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new Error(`the classification ${file} cannot be read`, { cause })
  })
  const loaded = loadClassification(text, file)
  if (loaded.ok) return loaded.columns
  throw new Error(
    `${file} has mistakes; nothing was started\n${loaded.problems.map(formatProblem).join('\n')}`,
  )
}

const keyBytes = 32

async function maskingKey(file: string): Promise<Buffer> {
  if (!existsSync(file)) await writeSecretFile(file, randomBytes(keyBytes))
  const key = await readSecretFile(file)
  if (key.length === keyBytes) return key
  throw new Error(`${file} does not hold ${keyBytes} bytes`)
}
