import { type Logger, type LoggerOptions, pino } from "pino";
import { errorForLog } from "./error-for-log.ts";

/** How every log of the service is made, but for where it goes: no text of a database error, no values. */
export const logOptions: LoggerOptions = {
  base: null,
  timestamp: pino.stdTimeFunctions.isoTime,
  serializers: { err: (error: unknown) => errorForLog(error) },
};

/** Opens the service's log: JSON lines on standard error, so that standard output stays for people. */
export function openLog(level: string): Logger {
  return pino({ ...logOptions, level }, pino.destination({ dest: 2, sync: true }));
}
