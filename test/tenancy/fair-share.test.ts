import { Code } from "@connectrpc/connect";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createFairShare } from "../../src/tenancy/fair-share.ts";

const never = new AbortController().signal;

/** A promise that is settled from outside, to hold a slot for as long as a test wants. */
function gate(): { open: () => void; passed: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { open: resolve, passed: promise };
}

test("a tenant that sends hundreds of calls does not make another tenant's call wait behind them", async () => {
  const share = createFairShare({ slots: 4, waitMs: 60_000 });
  const order: string[] = [];
  const hold = gate();
  const calls = Array.from({ length: 500 }, (_, n) =>
    share.run("a", never, async () => {
      await (n < 4 ? hold.passed : undefined);
      order.push("a");
    }),
  );
  // A slot is left for others, whatever A does.
  await share.run("b", never, async () => void order.push("b"));
  expect(order).toEqual(["b"]);
  // And with every slot taken, the turn after the one that ends is another tenant's.
  const last = gate();
  const rest = [share.run("c", never, () => last.passed)];
  rest.push(share.run("d", never, async () => void order.push("d")));
  hold.open();
  last.open();
  await Promise.all([...calls, ...rest]);
  expect(order.indexOf("d")).toBeLessThan(10);
  expect(order.filter((name) => name === "a")).toHaveLength(500);
});

test("never more run than there are slots, nobody holds them all, and everybody is served", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 9 }),
      fc.array(fc.record({ tenant: fc.constantFrom("a", "b", "c"), ticks: fc.nat(4), fails: fc.boolean() }), {
        maxLength: 60,
      }),
      async (slots, calls) => {
        const share = createFairShare({ slots, waitMs: 60_000 });
        const running = new Map<string, number>();
        const sum = () => [...running.values()].reduce((total, n) => total + n, 0);
        let most = 0;
        let mostOfOne = 0;
        const results = await Promise.allSettled(
          calls.map(({ tenant, ticks, fails }) =>
            share.run(tenant, never, async () => {
              running.set(tenant, (running.get(tenant) ?? 0) + 1);
              most = Math.max(most, sum());
              mostOfOne = Math.max(mostOfOne, running.get(tenant) ?? 0);
              for (let n = 0; n < ticks; n++) await new Promise(setImmediate);
              running.set(tenant, (running.get(tenant) ?? 0) - 1);
              if (fails) throw new Error("failed");
            }),
          ),
        );
        expect(results).toHaveLength(calls.length);
        expect(most).toBeLessThanOrEqual(slots);
        if (slots > 1) expect(mostOfOne).toBeLessThan(slots);
        expect(results.map((result) => result.status === "rejected")).toEqual(calls.map((call) => call.fails));
      },
    ),
    { numRuns: 60 },
  );
});

test("a call that gives up leaves the line, and what it waited for goes to the next", async () => {
  const share = createFairShare({ slots: 1, waitMs: 60_000 });
  const hold = gate();
  const first = share.run("a", never, () => hold.passed);
  const leaving = new AbortController();
  let began = false;
  const gone = share.run("b", leaving.signal, async () => {
    began = true;
  });
  const next = share.run("c", never, async () => "served");
  leaving.abort(new Error("gone"));
  await expect(gone).rejects.toThrow("gone");
  hold.open();
  await first;
  expect(await next).toBe("served");
  expect(began).toBe(false);
  await expect(share.run("b", leaving.signal, async () => "late")).rejects.toThrow("gone");
});

test("a call that waits too long is told that the service has no capacity", async () => {
  const share = createFairShare({ slots: 1, waitMs: 20 });
  const hold = gate();
  const first = share.run("a", never, () => hold.passed);
  await expect(share.run("b", never, async () => undefined)).rejects.toMatchObject({ code: Code.ResourceExhausted });
  hold.open();
  await first;
  expect(await share.run("b", never, async () => "served")).toBe("served");
});

test("a vault that is near overtakes others, and none of those waits longer than its share of turns", async () => {
  const slots = 4;
  // What the first in the line waits at most.
  const most = slots * 3;
  const order: string[] = [];
  // Most vaults are always near, and there are always some of them in the line.
  const nearnessOf = (vault: string) => (vault.startsWith("near") ? "home" : "strange");
  const share = createFairShare({ slots, waitMs: 60_000, nearnessOf });
  const hold = Array.from({ length: slots }, gate);
  const holding = hold.map(({ passed }, n) => share.run(`busy-${n}`, never, () => passed));
  const call = (vault: string) => share.run(vault, never, async () => void order.push(vault));
  const calls = [
    ...Array.from({ length: 5 }, (_, n) => `far-${n}`),
    ...Array.from({ length: 90 }, (_, n) => `near-${n}`),
  ].map(call);
  for (const { open } of hold) open();
  await Promise.all([...holding, ...calls]);
  expect(order.slice(0, most - 1).every((vault) => vault.startsWith("near"))).toBe(true);
  // One turn in twelve is the first one's, in the order of the line.
  const far = order.flatMap((vault, turn) => (vault.startsWith("far") ? [{ vault, turn }] : []));
  expect(far.map(({ vault }) => vault)).toEqual(Array.from({ length: 5 }, (_, n) => `far-${n}`));
  for (const [n, { turn }] of far.entries()) expect(turn).toBeLessThan((n + 1) * most);
});

test("where nothing is at home, what is known there goes first, and what is at home before both", async () => {
  const order: string[] = [];
  const nearnessOf = (vault: string) =>
    vault.startsWith("home") ? "home" : vault.startsWith("known") ? "known" : "strange";
  const share = createFairShare({ slots: 2, waitMs: 60_000, nearnessOf });
  const hold = gate();
  const holding = ["x", "y"].map((vault) => share.run(vault, never, () => hold.passed));
  const names = ["strange-1", "known-1", "home-1", "known-2", "home-2"];
  const calls = names.map((vault) => share.run(vault, never, async () => void order.push(vault)));
  hold.open();
  await Promise.all([...holding, ...calls]);
  expect(order).toEqual(["home-1", "home-2", "known-1", "known-2", "strange-1"]);
});

test("the order of the line holds where nothing is near", async () => {
  const order: string[] = [];
  const share = createFairShare({ slots: 3, waitMs: 60_000, nearnessOf: () => "strange" });
  const hold = gate();
  const holding = ["x", "y", "z"].map((vault) => share.run(vault, never, () => hold.passed));
  const names = Array.from({ length: 200 }, (_, n) => `vault-${n}`);
  const calls = names.map((vault) => share.run(vault, never, async () => void order.push(vault)));
  hold.open();
  await Promise.all([...holding, ...calls]);
  expect(order).toEqual(names);
});
