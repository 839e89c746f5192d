import { createReadStream } from 'node:fs'

import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Static } from 'typebox'

import type { Reports, ReportRun as Run } from '../../reporter/report.ts'
import { instantExpected, instantOf } from '../../runtime/instant.ts'
import type { ActionAudit } from '../action-audit.ts'
import { searched } from '../evidence-use.ts'
import { Problem } from '../problem.ts'
import { ReportRequest, ReportRun, ReportRuns } from '../schemas/reports.ts'

export interface ReportRoutesOptions {
  readonly reports: Reports
  readonly audit: ActionAudit
}

const OneReport = Type.Object({ id: Type.String({ pattern: '^[\\w.-]{1,120}$' }) })

export const reportRoutes: FastifyPluginCallbackTypebox<ReportRoutesOptions> = (
  app,
  { reports, audit },
  done,
) => {
  app.get(
    '/v1/reports',
    { schema: { summary: 'The reports, newest first', response: { 200: ReportRuns } } },
    async (request) => {
      await request.permitted('read_evidence')
      return { reports: (await reports.list()).map(view) }
    },
  )

  app.post(
    '/v1/reports',
    {
      schema: {
        summary: 'Begin a report; it is marked ad hoc',
        body: ReportRequest,
        response: { 202: ReportRun },
      },
    },
    async (request, reply) => {
      const actor = await request.permitted('run_reports')
      const { control, from, to } = request.body
      const period = {
        ...(from === undefined ? {} : { fromMs: instant(from, 'from') }),
        ...(to === undefined ? {} : { toMs: instant(to, 'to') }),
      }
      // That it was made records the reporter; who wanted it, and what of, only the api knows.
      await audit.record(request, actor, searched('report', { control, from, to }, null))
      const run = await reports.start({ control, trigger: 'ad_hoc', ...period }).catch(refusedRun)
      return reply.code(202).send(view(run))
    },
  )

  app.get(
    '/v1/reports/:id',
    {
      schema: {
        summary: 'A report and how far it is',
        params: OneReport,
        response: { 200: ReportRun },
      },
    },
    async (request) => {
      await request.permitted('read_evidence')
      return view(await find(reports, request.params.id))
    },
  )

  app.get(
    '/v1/reports/:id/download',
    { schema: { summary: 'The signed bundle (ZIP)', params: OneReport } },
    async (request, reply) => {
      const actor = await request.permitted('read_evidence')
      const run = await find(reports, request.params.id)
      const path = await reports.bundle(run.id)
      if (path === null || run.bundleSha256 === null) {
        throw new Problem('unavailable', 'this report is not finished')
      }
      await audit.record(request, actor, {
        type: 'report.downloaded',
        report: {
          report_id: run.id,
          control: run.control,
          revision: run.revision,
          bundle_sha256: Buffer.from(run.bundleSha256, 'hex'),
          period_from: Date.parse(run.from) * 1000,
          period_to: Date.parse(run.to) * 1000,
          trigger: run.trigger,
        },
      })
      return reply
        .type('application/zip')
        .header('content-disposition', `attachment; filename="${run.id}.zip"`)
        .send(createReadStream(path))
    },
  )
  done()
}

async function find(reports: Reports, id: string): Promise<Run> {
  const run = await reports.get(id)
  if (run === null) throw new Problem('not-found', `no report has the id ${id}`)
  return run
}

function view(run: Run): Static<typeof ReportRun> {
  return { ...run, determinations: run.determinations.map((each) => ({ ...each })) }
}

function instant(text: string, name: string): number {
  const time = instantOf(text)
  if (time === null) throw new Problem('input-invalid', `${name}: ${instantExpected}`)
  return time
}

function refusedRun(error: unknown): never {
  const { code, message } = error as { code?: unknown; message: string }
  if (code === 'REPORT_PERIOD_INVALID') throw new Problem('input-invalid', message)
  if (code === 'REPORT_BUSY') throw new Problem('busy', message)
  throw error
}
