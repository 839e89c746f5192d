import { parentPort, workerData } from 'node:worker_threads'

import type { PdfWork } from './render-pdf.ts'
import { writePdf } from './write-pdf.ts'

const { document, dateMs } = workerData as PdfWork
const bytes = await writePdf(document, dateMs)
parentPort?.postMessage(bytes, [bytes.buffer])
