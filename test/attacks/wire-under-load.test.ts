import { afterAll, beforeAll, vi } from "vitest";
import { expectQuiet, holdTable } from "../support/locks.ts";
import { logEntry } from "../support/samples.ts";
import { envelope } from "../support/wire.ts";
import { attackSuite } from "./support/attack.ts";
import { describeFailure } from "./support/outcome.ts";
import { tenantCalls } from "./wire/calls.ts";
import { disposable } from "./wire/fuzz.ts";
import { type Start, waysToGiveUp } from "./wire/give-up.ts";
import { type Latency, type Neighbours, openNeighbours } from "./wire/neighbours.ts";
import { rawCall } from "./wire/raw-call.ts";
import { openStage, type Stage } from "./wire/stage.ts";

// 500 calls at a time take a while on a machine that has other work.
vi.setConfig({ testTimeout: 120_000 });

let stage: Stage;
let neighbours: Neighbours;
/** How B is served while as many calls run of many companies. */
let ofMany: Latency | undefined;
beforeAll(async () => {
  stage = await openStage({ poolSize: 4 });
});
afterAll(async () => {
  neighbours?.close();
  await stage.close();
});

const { attack, control, complete } = attackSuite(() => stage);

attack({
  id: "R19",
  title: "deadlines of a millisecond, of less, of none and of centuries",
  expected: "done or given up, and nothing left behind",
  async run(attempt) {
    const words = "done or given up, and nothing left behind";
    const { a, database } = stage;
    const fine = (outcome: string) => (["OK", "DEADLINE_EXCEEDED"].includes(outcome) ? words : outcome);
    for (let round = 0; round < 3; round++) {
      for (const [name, caller] of Object.entries(stage.callers)) {
        await Promise.all(
          tenantCalls.map(async (call) => {
            const request = call.request(disposable(call, a));
            const options = { ...a.badges[call.badge], timeoutMs: 1 };
            await attempt(
              `${call.name} by ${name}`,
              async () => await caller.call(call.method, request as never, options).then(() => "OK", describeFailure),
              // An employee who is not there, deleted within the millisecond.
              (outcome) => (call.name === "DeleteEmployee" && outcome === "NOT_FOUND" ? words : fine(outcome)),
            );
          }),
        );
      }
    }
    const list = tenantCalls.find(({ name }) => name === "ListEmployees");
    if (!list) throw new Error("unreachable: R01 checks that every method is there");
    for (const timeout of ["1n", "1u", "0m", "0S", "-1m", "1x", "m", "99999999H", "999999999m", "1e3m", "1m,1m"]) {
      const send = () => rawCall(stage, list, envelope(new Uint8Array()), a.badges.admin, { "grpc-timeout": timeout });
      const isForm = /^\d{1,8}[HMSmun]$/.test(timeout);
      await attempt(`grpc-timeout ${timeout}`, send, ({ outcome }) =>
        !isForm && outcome === "INVALID_ARGUMENT" ? words : fine(outcome),
      );
    }
    await expectQuiet(database);
    // The pool is whole: as many calls as it has connections run at the same time. One tenant alone is
    // not given all of them.
    const held = [await holdTable(database, a.tenantId), await holdTable(database, stage.b.tenantId)];
    try {
      const calls = [a, a, a, stage.b].map(({ badges }) =>
        stage.callers["grpc-js"].call(list.method, list.request(a) as never, badges.admin),
      );
      await held[0]?.waiting(4);
      for (const table of held) await table.release();
      await Promise.all(calls);
    } finally {
      for (const table of held) await table.release();
    }
  },
});

/** Puts an entry of A while the table is held, and gives the call up before it can go on, or does not. */
async function putWhileHeld(start: Start, entryId: string, givesUp: boolean): Promise<string> {
  const { a, database } = stage;
  const held = await holdTable(database, a.tenantId, "log_entries");
  const cancel = new AbortController();
  let call: Promise<string>;
  try {
    call = start({ employeeId: a.employeeId, entry: logEntry({ entryId }) }, cancel.signal);
    await held.waiting();
    if (givesUp) {
      cancel.abort();
      // While the table is still held: PostgreSQL gave the statement up, it did not just come to its end.
      await expectQuiet(database);
    }
  } finally {
    await held.release();
  }
  return await call;
}

async function isThere(entryId: string): Promise<boolean> {
  const { rows } = await stage.database.admin.query(`select from ${stage.a.vault}.log_entries where entry_id = $1`, [
    entryId,
  ]);
  return rows.length > 0;
}

attack({
  id: "R20",
  title: "a write that is cancelled in the middle, by clients, a reset and a lost connection",
  expected: "CANCELLED, and nothing written",
  async run(attempt) {
    for (const [way, start] of Object.entries(waysToGiveUp(stage))) {
      const entryId = `given-up-${way.replaceAll(/\W/g, "-")}`;
      await attempt(
        way,
        () => putWhileHeld(start, entryId, true),
        async (outcome) => `${outcome}, and ${(await isThere(entryId)) ? "the entry" : "nothing"} written`,
      );
    }
  },
});

control({
  id: "R20",
  without: "the cancellation",
  effect: "stored, and the entry written",
  async run(attempt) {
    for (const [way, start] of Object.entries(waysToGiveUp(stage))) {
      const entryId = `kept-${way.replaceAll(/\W/g, "-")}`;
      await attempt(
        way,
        () => putWhileHeld(start, entryId, false),
        async (outcome) => `${outcome}, and ${(await isThere(entryId)) ? "the entry" : "nothing"} written`,
      );
    }
  },
});

attack({
  id: "R23",
  title: "500 calls of A at the same time, all the time, while B calls",
  expected: "B waits less than when the same load is of many",
  async run(attempt) {
    neighbours = await openNeighbours(stage, 20);
    ofMany = await neighbours.latencyOfB("many");
    const ofA = await neighbours.latencyOfB("A");
    await attempt(
      "one connection of B beside four of A",
      async () => ({ ofMany, ofA }),
      () => {
        if (ofA.served < ofA.asked / 2) return `B was served ${ofA.served} times of ${ofA.asked}`;
        const ratio = ofA.p99Ms / (ofMany?.p99Ms ?? 0);
        return ratio < 1 ? "B waits less than when the same load is of many" : `B waits ${ratio} times as long`;
      },
    );
  },
});

control({
  id: "R23",
  without: "an idle service",
  effect: "B waits longer",
  async run(attempt) {
    const alone = await neighbours.latencyOfB("nobody");
    await attempt(
      "B alone and beside others",
      async () => undefined,
      () => {
        const ratio = (ofMany?.p99Ms ?? 0) / alone.p99Ms;
        return ratio > 1.5 ? "B waits longer" : `B waits ${ratio} times as long`;
      },
    );
  },
});

complete();
