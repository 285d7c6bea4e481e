import { pageRows } from "../plan.ts";
import { Connection, type ConnectionListener } from "./connection.ts";
import { countEntries } from "./count-entries.ts";
import { HeaderVerdicts, judgeResponse, judgeTrailers } from "./header-verdicts.ts";
import { drainMs, type LoadOrder, type LoadResult } from "./order.ts";
import { drawTenants } from "./picks.ts";
import { prepareRequests } from "./requests.ts";

/** Connections at most; a service behind a mesh sees a handful, each with many calls. */
const maxConnections = 4;

/** A call that waits for its answer. */
interface Waiting {
  readonly startedAt: number;
  /** The page of a read, in pieces when it came so. */
  page: Buffer | undefined;
}

/** Makes the calls of an order, each with a successor as long as there is time, and judges every answer. */
export async function runTurn(order: LoadOrder): Promise<LoadResult> {
  const requests = prepareRequests(order.operation, order.people);
  const nextTenant = drawTenants(order.people.length, order.spread);
  const latencies: number[] = [];
  const failures: Record<string, number> = {};
  const verdicts: Promise<unknown>[] = [];
  // Of this turn alone: responses say the time, so those of an hour are of thousands of kinds.
  const responses = new HeaderVerdicts(judgeResponse);
  const trailers = new HeaderVerdicts(judgeTrailers);
  let [made, open, succeeded] = [0, 0, 0];
  let startedAt = 0;
  let lastAt = 0;
  let finish = (): void => undefined;
  const finished = new Promise<void>((done) => {
    finish = done;
  });
  const fail = (reason: string) => {
    failures[reason] = (failures[reason] ?? 0) + 1;
  };

  class Lane implements ConnectionListener {
    readonly #calls = new Map<number, Waiting>();
    #connection: Connection | undefined;
    #nextStream = 1;

    async open(): Promise<this> {
      this.#connection = await Connection.open(order.port, this);
      return this;
    }

    call(): void {
      const tenant = nextTenant();
      const stream = this.#nextStream;
      this.#nextStream += 2;
      this.#calls.set(stream, { startedAt: performance.now(), page: undefined });
      open++;
      this.#connection?.send(stream, requests.headers(tenant), requests.body(tenant, order.firstId + made++));
    }

    flush(): void {
      this.#connection?.flush();
    }

    onData(stream: number, bytes: Buffer, start: number, end: number): void {
      if (order.operation !== "read") return;
      const call = this.#calls.get(stream);
      if (!call) return;
      const piece = Buffer.from(bytes.subarray(start, end));
      call.page = call.page ? Buffer.concat([call.page, piece]) : piece;
    }

    onHeaders(stream: number, bytes: Buffer, start: number, end: number, last: boolean): void {
      const verdict = (last ? trailers : responses).of(bytes, start, end);
      if (last) {
        this.#end(stream, verdict);
        return;
      }
      // A response that is none ends without trailers that could be taken for success; this says why.
      if (verdict !== "") verdicts.push(Promise.resolve(verdict).then((reason) => reason && fail(reason)));
    }

    onReset(stream: number, reason: string): void {
      this.#end(stream, reason);
    }

    onClosed(reason: string): void {
      for (const stream of [...this.#calls.keys()]) this.#end(stream, reason, false);
    }

    /** Counts the calls that were never answered, and closes the connection. */
    close(): void {
      for (const _ of this.#calls) fail("no answer");
      this.#connection?.destroy();
    }

    #end(stream: number, verdict: string | Promise<string>, goOn = true): void {
      const call = this.#calls.get(stream);
      if (!call) return;
      this.#calls.delete(stream);
      open--;
      lastAt = performance.now();
      latencies.push(lastAt - call.startedAt);
      const settle = (reason: string) => {
        const rows = order.operation === "read" && reason === "" ? countEntries(call.page) : pageRows;
        if (reason === "" && rows === pageRows) succeeded++;
        else fail(reason || `a page of ${rows} rows`);
      };
      if (typeof verdict === "string") settle(verdict);
      else verdicts.push(verdict.then(settle));
      if (goOn && made < order.maxCalls && lastAt - startedAt < order.seconds * 1_000) this.call();
      else if (open === 0) finish();
    }
  }

  const connections = Math.min(maxConnections, order.inFlight);
  const lanes = await Promise.all(Array.from({ length: connections }, () => new Lane().open()));
  const before = process.cpuUsage();
  startedAt = performance.now();
  lastAt = startedAt;
  for (let n = 0; n < Math.min(order.inFlight, order.maxCalls); n++) lanes[n % connections]?.call();
  for (const lane of lanes) lane.flush();
  const timer = setTimeout(finish, order.seconds * 1_000 + drainMs);
  await finished;
  clearTimeout(timer);
  const { user, system } = process.cpuUsage(before);
  for (const lane of lanes) lane.close();
  await Promise.all(verdicts);
  latencies.sort((a, b) => a - b);
  const rank = (share: number) => latencies[Math.ceil(latencies.length * share) - 1] ?? Number.NaN;
  return {
    made,
    succeeded,
    failures,
    seconds: (lastAt - startedAt) / 1_000,
    p50: rank(0.5),
    p99: rank(0.99),
    loadCpuUs: (user + system) / Math.max(1, made),
  };
}
