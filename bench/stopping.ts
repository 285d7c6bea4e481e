/** Exit codes of what stops a program from outside, as a shell gives them. */
const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Whether a program is to stop, so that it can remove what it made. */
export interface Stopping {
  /** Fires when the program is to stop. */
  readonly signal: AbortSignal;
  /** The code to exit with then; undefined as long as it is not. */
  exitCode(): number | undefined;
}

/** Takes the signals that stop a program. */
export function listenForStop(): Stopping {
  const stopping = new AbortController();
  let stoppedBy: keyof typeof exitCodes | undefined;
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      stoppedBy ??= name;
      stopping.abort(new Error(`The benchmark was stopped by ${name}.`));
    });
  }
  return { signal: stopping.signal, exitCode: () => stoppedBy && exitCodes[stoppedBy] };
}
