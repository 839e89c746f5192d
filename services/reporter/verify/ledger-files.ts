import { openCheckpoint } from '../../ledger/proof/checkpoint.ts'
import { verifyConsistency } from '../../ledger/proof/consistency.ts'
import { ProofError } from '../../ledger/proof/error.ts'
import { publicKeyPem } from '../bundle/keys.ts'
import type { ConsistencyFile } from '../consistency.ts'
import { leavesFile } from '../sampled-entries.ts'
import { problem } from './bundle-check.ts'
import type { BundleCheck } from './bundle-check.ts'

const consistencyFile = 'ledger/consistency.json'

/** Checks the signed checkpoints and that each log only grew since the previous report. Returns the raw leaves of the sample. */
export function checkLedgerFiles(check: BundleCheck): readonly Buffer[] {
  const { manifest, files } = check
  expectText(check, 'keys/reporter.pub', publicKeyPem(manifest.signer))
  expectText(check, 'keys/reporter.vkey', `${manifest.signer}\n`)
  manifest.checkpoints.forEach((head, index) => {
    expectText(check, `keys/log-${index + 1}.vkey`, `${head.vkey}\n`)
    expectText(check, `keys/log-${index + 1}.pub`, publicKeyPem(head.vkey))
    proven(check, head.file, () => {
      const signed = openCheckpoint(files.get(head.file)?.toString() ?? '', head.vkey)
      const said = `${head.origin} ${head.size} ${head.root}`
      const found = `${signed.origin} ${signed.size} ${signed.root.toString('hex')}`
      if (said === found) return
      check.problems.push(
        problem(head.file, said, found, `${head.file} is not the checkpoint of the manifest.`),
      )
    })
  })
  checkConsistency(check)
  return linesOf(files.get(leavesFile) ?? Buffer.alloc(0))
}

function checkConsistency(check: BundleCheck): void {
  const { manifest, files, problems } = check
  const text = files.get(consistencyFile)?.toString() ?? 'null'
  const file = JSON.parse(text) as ConsistencyFile
  if (file.previous_report !== manifest.previous_report) {
    const said = manifest.previous_report ?? 'none'
    const found = file.previous_report ?? 'none'
    const sentence = `${consistencyFile} starts from the report ${found}, the manifest from ${said}.`
    problems.push(problem(consistencyFile, said, found, sentence))
  }
  if (manifest.previous_report !== null && file.logs.length === 0) {
    const sentence = `${consistencyFile} proves of no log that it only grew since ${manifest.previous_report}.`
    problems.push(problem(consistencyFile, 'a proof for each log', 'none', sentence))
  }
  for (const log of file.logs) {
    const head = manifest.checkpoints.find(({ origin }) => origin === log.origin)
    if (head?.size !== log.new_size || head.root !== log.new_root) {
      const sentence = `${consistencyFile} proves another head of ${log.origin} than that of the manifest.`
      problems.push(problem(consistencyFile, head?.root ?? 'no such log', log.new_root, sentence))
      continue
    }
    proven(check, consistencyFile, () => {
      const path = log.path.map(hex)
      verifyConsistency(log.old_size, log.new_size, hex(log.old_root), hex(log.new_root), path)
    })
  }
}

/** Runs a proof; what it refuses becomes a problem of this file. */
export function proven({ problems }: BundleCheck, file: string, run: () => void): void {
  try {
    run()
  } catch (error) {
    if (!(error instanceof ProofError)) throw error
    const sentence = `${file} does not prove what it should: ${error.message}.`
    problems.push(problem(file, 'a proof that holds', error.message, sentence))
  }
}

function expectText({ files, problems }: BundleCheck, file: string, expected: string): void {
  const found = files.get(file)?.toString() ?? 'missing'
  if (found === expected) return
  const sentence = `${file} is not the key that the manifest names.`
  problems.push(problem(file, expected.trim(), found.trim(), sentence))
}

function linesOf(bytes: Buffer): readonly Buffer[] {
  const lines: Buffer[] = []
  let from = 0
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, from)) {
    lines.push(bytes.subarray(from, at))
    from = at + 1
  }
  return lines
}

function hex(text: string): Buffer {
  return Buffer.from(text, 'hex')
}
