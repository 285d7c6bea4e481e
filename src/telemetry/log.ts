import { type Logger, pino } from "pino";

/** Opens the service's log: JSON lines on standard error, so that standard output stays for people. */
export function openLog(level: string): Logger {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: true }),
  );
}
