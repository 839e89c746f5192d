import { Worker } from 'node:worker_threads'

import type { ReportDocument } from '../../../../reports/report-document.ts'

export interface PdfWork {
  readonly document: ReportDocument
  /** Milliseconds: every date in the file. */
  readonly dateMs: number
}

/** Writes the PDF in a thread of its own: a long report takes seconds, and sessions must not wait for it. */
export async function renderPdf(
  document: ReportDocument,
  dateMs: number,
  signal: AbortSignal,
): Promise<Buffer> {
  signal.throwIfAborted()
  const workerData: PdfWork = { document, dateMs }
  const worker = new Worker(new URL('./pdf-thread.ts', import.meta.url), { workerData })
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
  const stop = (): void => {
    reject(signal.reason as Error)
  }
  signal.addEventListener('abort', stop, { once: true })
  worker.once('message', resolve)
  worker.once('error', reject)
  worker.once('exit', (code) => {
    reject(new Error(`the thread that writes the PDF ended with ${code}`))
  })
  try {
    return Buffer.from(await promise)
  } finally {
    signal.removeEventListener('abort', stop)
    await worker.terminate()
  }
}
