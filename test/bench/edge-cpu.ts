import { readFile } from 'node:fs/promises'

export interface CpuTime {
  /** Of all threads, also those that have ended. */
  readonly processUs: number
  readonly mainThreadUs: number
}

/** The CPU time of a process by the system's own account (proc_pid_stat(5): utime and stime). */
export async function cpuTimeOf(pid: number): Promise<CpuTime> {
  const [process, mainThread] = await Promise.all([
    readFile(`/proc/${pid}/stat`, 'utf8'),
    readFile(`/proc/${pid}/task/${pid}/stat`, 'utf8'),
  ])
  return { processUs: ticksOf(process) * tickUs, mainThreadUs: ticksOf(mainThread) * tickUs }
}

function ticksOf(stat: string): number {
  // The name in parentheses may hold anything; utime and stime are fields 14 and 15, the state behind the name is field 3.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11]) + Number(fields[12])
}

// USER_HZ is 100 on every Linux that Node runs on.
const tickUs = 10_000
