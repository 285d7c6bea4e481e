/** Counts the calls that are running, whatever path serves them. */
export interface RunningCalls {
  /** One more call runs. */
  begin(): void;
  /** One call is over: its response was sent, or cut off. */
  end(): void;
  /** Resolves once no call is running. */
  idle(): Promise<void>;
}

/** Makes a count of running calls. */
export function countRunningCalls(): RunningCalls {
  let running = 0;
  let onIdle: (() => void)[] = [];
  return {
    begin() {
      running++;
    },
    end() {
      running--;
      if (running > 0) return;
      for (const wake of onIdle) wake();
      onIdle = [];
    },
    idle: () => new Promise((done) => (running === 0 ? done() : onIdle.push(done))),
  };
}
