import { readFile } from 'node:fs/promises'

import { parseDocument } from 'yaml'

/** The demo's policy without its mask rule: a target without a classification refuses what would have to be masked. */
export async function demoPolicyWithoutMasks(): Promise<string> {
  const url = new URL('../../../../../services/all-in-one/demo/demo-policy.yaml', import.meta.url)
  const document = parseDocument(await readFile(url, 'utf8'))
  const { rules } = document.toJS() as { rules: readonly { outcome: string }[] }
  document.set(
    'rules',
    rules.filter(({ outcome }) => outcome !== 'mask'),
  )
  return document.toString()
}
