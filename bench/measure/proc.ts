import { readdirSync, readFileSync, writeFileSync } from "node:fs";

/** Milliseconds of a tick of the figures below; Linux has counted in hundredths of a second ever since. */
const tickMs = 10;

/** Processor times of a process in milliseconds, its own and those of its children that ended. */
interface Times {
  readonly parent: number;
  readonly own: number;
  readonly ended: number;
}

/** Reads /proc/PID/stat; undefined where there is none, which is so on other systems than Linux too. */
function timesOf(pid: number): Times | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name before these fields may hold spaces. See proc(5): 4 ppid, 14 to 17 the times.
    const fields = text
      .slice(text.lastIndexOf(")") + 2)
      .split(" ")
      .map(Number);
    const [parent = 0, own, ended] = [fields[1], sum(fields, 11), sum(fields, 13)];
    return { parent, own: own * tickMs, ended: ended * tickMs };
  } catch {
    return undefined;
  }
}

function sum(fields: readonly number[], at: number): number {
  return (fields[at] ?? 0) + (fields[at + 1] ?? 0);
}

/** Processor time of a process so far, in milliseconds. NaN where the system does not tell. */
export function cpuMsOf(pid: number): number {
  return timesOf(pid)?.own ?? Number.NaN;
}

/**
 * Processor time so far of a process and all its children, ended ones included, in milliseconds: of a
 * PostgreSQL server, given its postmaster. NaN where the system does not tell.
 */
export function familyCpuMs(pid: number): number {
  const head = timesOf(pid);
  if (!head) return Number.NaN;
  const children = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => timesOf(Number(name)))
    .filter((times) => times?.parent === pid);
  return children.reduce((total, times) => total + (times?.own ?? 0), head.own + head.ended);
}

/** Largest resident memory of a process since {@link forgetPeak}, in MB (10^6 bytes). NaN where it is not told. */
export function peakMemoryMb(pid: number): number {
  try {
    const [, kib] = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1")) ?? [];
    return (Number(kib) * 1_024) / 1e6;
  } catch {
    return Number.NaN;
  }
}

/** Starts the peak anew. Where that is not allowed the peak is that of the process's whole life. */
export function forgetPeak(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, "5");
  } catch {
    // The greater figure is not wrong, only less exact.
  }
}
