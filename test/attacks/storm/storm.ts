import { setTimeout as sleep } from "node:timers/promises";
import { type CallOptions, Code, ConnectError } from "@connectrpc/connect";
import type pg from "pg";
import { inParallel } from "../../../src/cli/demo/in-parallel.ts";
import { TenantService } from "../../../src/gen/wellvault/v1/tenant_service_pb.ts";
import { type Caller, openCaller } from "../../support/callers.ts";
import { openGrpcJsCaller } from "../../support/grpc-js.ts";
import type { Issuer } from "../wire/issuer.ts";
import { openBadges } from "./badges.ts";
import { newChecks, type RowChecks } from "./check-rows.ts";
import { finalCheck } from "./final-check.ts";
import { Ledger } from "./ledger.ts";
import type { StormOptions } from "./options.ts";
import {
  type Badges,
  createEmployee,
  type HonestOrder,
  honestOrders,
  maxEmployees,
  type OrderContext,
} from "./orders.ts";
import { type Random, seeded } from "./random.ts";
import type { StormSummary } from "./summary.ts";
import { wrongOrders } from "./wrong-orders.ts";

/** What a storm is sent to. */
export interface StormTarget {
  /** Where the service listens. */
  readonly address: string;
  /** Signs the callers' tokens. */
  readonly issuer: Issuer;
  /** A connection to its database as the superuser. */
  readonly admin: pg.Client;
}

/** What a storm does besides its calls. */
export interface StormHooks {
  /** Told of finished calls. */
  readonly onProgress?: (count: number) => void;
  /** Told of what begins. */
  readonly onPhase?: (phase: string) => void;
  /** Done between the calls and the check, for controls that spoil the rows. */
  readonly beforeCheck?: (ledgers: readonly Ledger[]) => Promise<unknown>;
  /** Makes no new call once it fires. */
  readonly signal?: AbortSignal;
}

/** How a call may end under load without anything being wrong: refused, and nothing or all of it done. */
const underLoad: readonly Code[] = [Code.ResourceExhausted, Code.Aborted, Code.Unavailable];

/** Sends a storm and checks all that came of it. */
export async function runStorm(
  target: StormTarget,
  options: StormOptions,
  hooks: StormHooks = {},
): Promise<StormSummary> {
  const random = seeded(options.seed);
  const ledgers = Array.from({ length: options.tenants }, (_, index) => new Ledger(index, options.seed));
  const callers = Array.from({ length: options.connections }, (_, index) =>
    index % 2 === 0 ? openGrpcJsCaller(target.address) : openCaller(target.address, "grpc"),
  );
  const checks = newChecks();
  try {
    const badges = openBadges(target.issuer);
    hooks.onPhase?.(`Provisioning ${options.tenants} companies ...`);
    await provision(ledgers, callers, badges, target.issuer, checks, random);
    hooks.onPhase?.(`Calling ${options.calls} times, ${options.parallel} at a time ...`);
    const outcomes = new Map<string, number>();
    const count = (what: string) => outcomes.set(what, (outcomes.get(what) ?? 0) + 1);
    const startedAt = performance.now();
    const endsAt = startedAt + options.secondsMax * 1_000;
    let made = 0;
    const worker = async (number: number): Promise<void> => {
      const caller = callers[number % callers.length] as Caller;
      while (made < options.calls && performance.now() < endsAt && !hooks.signal?.aborted) {
        made++;
        const ledger = random.of(ledgers);
        await makeCall({ caller, badges, checks, random, ledger, options: {} }, ledgers, count);
        hooks.onProgress?.(1);
      }
    };
    await Promise.all(Array.from({ length: options.parallel }, (_, number) => worker(number)));
    const seconds = (performance.now() - startedAt) / 1_000;
    await hooks.beforeCheck?.(ledgers);
    hooks.onPhase?.("Reading everything back ...");
    const stormRows = checks.rows;
    const found = await finalCheck(target.admin, ledgers, callers, badges, checks);
    return {
      tenants: options.tenants,
      calls: made,
      callsLeft: options.calls - made,
      seconds,
      callsPerSecond: made / seconds,
      outcomes: Object.fromEntries([...outcomes].sort(([a], [b]) => (a < b ? -1 : 1))),
      rowsInAnswers: stormRows,
      ...found,
      violations: checks.violations,
    };
  } finally {
    for (const caller of callers) caller.close();
  }
}

async function provision(
  ledgers: readonly Ledger[],
  callers: readonly Caller[],
  badges: Badges,
  issuer: Issuer,
  checks: RowChecks,
  random: Random,
): Promise<void> {
  const operator = await issuer.badge("platform_operator");
  await inParallel(ledgers, 8, async (ledger) => {
    const caller = callers[ledger.index % callers.length] as Caller;
    const { tenantId } = ledger;
    await caller.call(TenantService.method.provisionTenant, { tenantId, displayName: ledger.stamp }, operator);
    await createEmployee({ caller, badges, checks, random, ledger, options: {} });
  });
}

/** Makes one call: an honest one, one that is given up on its way, or one that must be refused. */
async function makeCall(
  context: OrderContext,
  ledgers: readonly Ledger[],
  count: (what: string) => void,
): Promise<void> {
  const { random, ledger, checks } = context;
  if (random.once(12)) {
    const wrong = random.of(wrongOrders);
    const other = random.of(ledgers.filter((one) => one !== ledger));
    const outcome = await codeOf(wrong.run(context, other));
    count(`refused: ${wrong.name}: ${outcome}`);
    const isRefused = outcome === Code[wrong.code] || underLoad.some((code) => outcome === Code[code]);
    if (!isRefused) checks.violations.push(`not refused: ${wrong.name} ended with ${outcome}`);
    return;
  }
  const honest = chooseHonest(random, ledger);
  // Each of them costs the service a connection or two, so they are few.
  const chaos = random.below(40);
  const options: CallOptions =
    chaos === 0 ? { timeoutMs: 1 + random.below(25) } : chaos === 1 ? { signal: cancelSoon(random.below(20)) } : {};
  const outcome = await codeOf(honest.order({ ...context, options }));
  const mode = chaos === 0 ? " with a short deadline" : chaos === 1 ? ", cancelled" : "";
  count(`${honest.name}${mode}: ${outcome}`);
  const allowed = [...honest.mayFail, ...underLoad, ...(chaos < 2 ? [Code.DeadlineExceeded, Code.Canceled] : [])];
  if (outcome !== "OK" && !allowed.some((code) => outcome === Code[code])) {
    checks.violations.push(`unexpected: ${honest.name}${mode} ended with ${outcome}`);
  }
}

function chooseHonest(random: Random, ledger: Ledger): HonestOrder {
  const possible = honestOrders.filter(({ name }) => name !== "CreateEmployee" || ledger.employees.size < maxEmployees);
  let left = random.below(possible.reduce((sum, { weight }) => sum + weight, 0));
  for (const order of possible) {
    left -= order.weight;
    if (left < 0) return order;
  }
  throw new Error("unreachable: the weights were summed up before");
}

function cancelSoon(afterMs: number): AbortSignal {
  const cancel = new AbortController();
  void sleep(afterMs).then(() => cancel.abort());
  return cancel.signal;
}

/** How a call ended: OK, or the name of its code, or what else was wrong with it. */
async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "OK";
  } catch (error) {
    return error instanceof ConnectError ? (Code[error.code] ?? String(error.code)) : String(error);
  }
}
