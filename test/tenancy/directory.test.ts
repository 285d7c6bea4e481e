import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { ControlStore } from "../../src/tenancy/control-store.ts";
import {
  createTenantDirectory,
  negativeTtlMs,
  positiveTtlMs,
  type RenewedTenantDirectory,
  renewalPauseMs,
  renewedForMs,
} from "../../src/tenancy/directory.ts";

interface Company {
  readonly vault: string;
  readonly state: string;
}

/** A store that counts its queries and answers when it is told to. */
class CountingStore implements ControlStore {
  readonly companies = new Map<string, Company>();
  queries = 0;
  /** Tenants that one query asked for. */
  mostAsked = 0;
  /** Set while answers are to wait; called with nothing to let them go. */
  held: PromiseWithResolvers<void> | undefined;
  failure: Error | undefined;
  /** The signal of the last query. */
  signal: AbortSignal | undefined;

  async query<Values extends readonly unknown[], Row>(
    _: unknown,
    values: Values,
    signal?: AbortSignal,
  ): Promise<Row[]> {
    this.queries++;
    this.signal = signal;
    const asked = values[0] as readonly string[];
    this.mostAsked = Math.max(this.mostAsked, asked.length);
    const rows = asked.flatMap((tenantId) => {
      const company = this.companies.get(tenantId);
      return company ? [{ tenant_id: tenantId, ...company } as Row] : [];
    });
    const { failure, held } = this;
    await held?.promise;
    if (failure) throw failure;
    return rows;
  }

  async close(): Promise<void> {}
}

const acme: Company = { vault: "v_0000000000000001", state: "ACTIVE" };
let store: CountingStore;
let now: number;
let directory: RenewedTenantDirectory;

beforeEach(() => {
  store = new CountingStore();
  now = 1_000_000;
  directory = createTenantDirectory(store, () => now);
});

afterEach(() => directory.close());

test("what cannot be an id is neither looked for nor remembered", async () => {
  for (const odd of ["", "a", "ab", "Acme", "acme-", "1acme", "a_b", "acme ", "a".repeat(64), "a".repeat(100_000)]) {
    expect(await directory.lookup(odd)).toBeUndefined();
  }
  expect(store.queries).toBe(0);
  expect(await directory.lookup("a".repeat(63))).toBeUndefined();
  expect(store.queries).toBe(1);
});

describe("a tenant that is there", () => {
  beforeEach(() => void store.companies.set("acme", acme));

  test("is read once and then remembered for its time", async () => {
    const entry = { tenantId: "acme", vault: acme.vault, placement: "default", state: "ACTIVE" };
    expect(await directory.lookup("acme")).toEqual(entry);
    now += positiveTtlMs;
    expect(await directory.lookup("acme")).toEqual(entry);
    expect(store.queries).toBe(1);
    now += 1;
    expect(await directory.lookup("acme")).toEqual(entry);
    expect(store.queries).toBe(2);
  });

  test("is seen suspended as soon as its time is over", async () => {
    await directory.lookup("acme");
    store.companies.set("acme", { ...acme, state: "SUSPENDED" });
    now += positiveTtlMs + 1;
    expect((await directory.lookup("acme"))?.state).toBe("SUSPENDED");
  });

  test("in a state this version does not know is not active", async () => {
    store.companies.set("acme", { ...acme, state: "PURGING" });
    expect((await directory.lookup("acme"))?.state).toBe("SUSPENDED");
  });

  test("is asked for once by a hundred calls that miss at the same time", async () => {
    store.held = Promise.withResolvers();
    const lookups = Array.from({ length: 100 }, () => directory.lookup("acme"));
    store.held.resolve();
    for (const entry of await Promise.all(lookups)) expect(entry?.vault).toBe(acme.vault);
    expect(store.queries).toBe(1);
  });

  test("is asked for apart from another tenant", async () => {
    store.companies.set("other", { ...acme, vault: "v_0000000000000002" });
    const [one, two] = await Promise.all([directory.lookup("acme"), directory.lookup("other")]);
    expect([one?.vault, two?.vault]).toEqual(["v_0000000000000001", "v_0000000000000002"]);
  });
});

test("many tenants that miss at the same time share a few queries, and each gets its own answer", async () => {
  const ids = Array.from({ length: 1_500 }, (_, n) => `tenant-${n}`);
  for (const id of ids.filter((_, n) => n % 3 > 0)) store.companies.set(id, { ...acme, vault: `v_${id}` });
  store.held = Promise.withResolvers();
  const lookups = ids.map((id) => directory.lookup(id));
  store.held.resolve();
  const found = await Promise.all(lookups);
  expect(found.map((entry) => entry?.vault)).toEqual(ids.map((id, n) => (n % 3 > 0 ? `v_${id}` : undefined)));
  expect(found.map((entry) => entry?.tenantId)).toEqual(ids.map((id, n) => (n % 3 > 0 ? id : undefined)));
  // Two at once, for one tenant each; then the thousand that a query may ask for, and the rest.
  expect([store.queries, store.mostAsked]).toEqual([4, 1_000]);
});

describe("a tenant that is not there", () => {
  test("is believed absent for a second at most", async () => {
    expect(negativeTtlMs).toBeLessThanOrEqual(1_000);
    expect(await directory.lookup("acme")).toBeUndefined();
    store.companies.set("acme", acme);
    now += negativeTtlMs;
    expect(await directory.lookup("acme")).toBeUndefined();
    expect(store.queries).toBe(1);
    now += 1;
    expect((await directory.lookup("acme"))?.vault).toBe(acme.vault);
  });

  test("is found at once by the process that provisioned it", async () => {
    expect(await directory.lookup("acme")).toBeUndefined();
    store.companies.set("acme", acme);
    directory.forget("acme");
    expect((await directory.lookup("acme"))?.vault).toBe(acme.vault);
  });

  test("is found at once though an older look-up is still on its way, whose answer is not kept", async () => {
    store.held = Promise.withResolvers();
    const { held } = store;
    const early = directory.lookup("acme");
    store.held = undefined;
    store.companies.set("acme", acme);
    directory.forget("acme");
    expect((await directory.lookup("acme"))?.vault).toBe(acme.vault);
    held.resolve();
    expect(await early).toBeUndefined();
    expect((await directory.lookup("acme"))?.vault).toBe(acme.vault);
    expect(store.queries).toBe(2);
  });
});

describe("a database that does not answer", () => {
  test("fails every call that waited and is asked again by the next", async () => {
    store.companies.set("acme", acme);
    store.failure = new Error("gone");
    store.held = Promise.withResolvers();
    const lookups = [directory.lookup("acme"), directory.lookup("acme")];
    store.held.resolve();
    const outcomes = await Promise.allSettled(lookups);
    expect(outcomes.map((outcome) => outcome.status)).toEqual(["rejected", "rejected"]);
    store.failure = undefined;
    expect((await directory.lookup("acme"))?.vault).toBe(acme.vault);
    expect(store.queries).toBe(2);
  });

  test("does not trouble a tenant that is remembered", async () => {
    store.companies.set("acme", acme);
    await directory.lookup("acme");
    store.failure = new Error("gone");
    expect((await directory.lookup("acme"))?.vault).toBe(acme.vault);
  });
});

describe("a tenant that calls", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    directory = createTenantDirectory(store);
    store.companies.set("acme", acme);
  });
  afterEach(() => void vi.useRealTimers());

  /** Looks the tenant up every so often, for a time, and tells how often that had to wait. */
  async function call(everyMs: number, forMs: number, tenantId = "acme"): Promise<number> {
    let waits = 0;
    for (let ms = 0; ms < forMs; ms += everyMs) {
      await vi.advanceTimersByTimeAsync(everyMs);
      const found = directory.lookup(tenantId);
      if (found instanceof Promise) waits++;
      await found;
    }
    return waits;
  }

  test("waits for the control plane once, however seldom it calls within its time", async () => {
    expect(await call(100, 20_000)).toBe(1);
    expect(await call(renewedForMs / 2, renewedForMs * 4)).toBe(0);
  });

  test("no more is asked for no more, and then nothing is", async () => {
    await directory.lookup("acme");
    await vi.advanceTimersByTimeAsync(renewedForMs + positiveTtlMs);
    const { queries } = store;
    expect(queries).toBeLessThanOrEqual(1 + renewedForMs / (positiveTtlMs / 2));
    expect(vi.getTimerCount()).toBe(0);
    expect(await call(1, 1)).toBe(1);
    expect(store.queries).toBe(queries + 1);
    // And from then on it is kept up to date again.
    expect(await call(10_000, 30_000)).toBe(0);
  });

  test("is seen suspended, and gone, within the time that it is believed", async () => {
    await call(100, 4_000);
    store.companies.set("acme", { ...acme, state: "SUSPENDED" });
    await vi.advanceTimersByTimeAsync(positiveTtlMs);
    expect(directory.lookup("acme")).toMatchObject({ state: "SUSPENDED" });
    store.companies.delete("acme");
    await vi.advanceTimersByTimeAsync(positiveTtlMs);
    expect(await directory.lookup("acme")).toBeUndefined();
    store.companies.set("acme", acme);
    await vi.advanceTimersByTimeAsync(negativeTtlMs + 1);
    expect(await directory.lookup("acme")).toMatchObject({ state: "ACTIVE" });
  });

  test("is not believed for longer because the database does not answer", async () => {
    await directory.lookup("acme");
    store.held = Promise.withResolvers();
    const { held } = store;
    await vi.advanceTimersByTimeAsync(positiveTtlMs + 1);
    store.held = undefined;
    store.companies.set("acme", { ...acme, state: "SUSPENDED" });
    expect(await directory.lookup("acme")).toMatchObject({ state: "SUSPENDED" });
    // What was read before that comes too late.
    held.resolve();
    await vi.advanceTimersByTimeAsync(0);
    expect(directory.lookup("acme")).toMatchObject({ state: "SUSPENDED" });
  });

  test("is believed from the question on, however late the answer came", async () => {
    store.held = Promise.withResolvers();
    const first = directory.lookup("acme");
    await vi.advanceTimersByTimeAsync(900);
    store.held.resolve();
    await first;
    // No round renews it, for none is answered.
    store.held = Promise.withResolvers();
    await vi.advanceTimersByTimeAsync(positiveTtlMs - 900);
    expect(directory.lookup("acme")).toMatchObject({ state: "ACTIVE" });
    await vi.advanceTimersByTimeAsync(1);
    expect(directory.lookup("acme")).toBeInstanceOf(Promise);
  });

  test("is believed from the round's question on, however late that was answered", async () => {
    await directory.lookup("acme");
    store.held = Promise.withResolvers();
    const round = store.held;
    await vi.advanceTimersByTimeAsync(4_900);
    expect(store.queries).toBe(2);
    store.held = Promise.withResolvers();
    round.resolve();
    // The round's question was put at the third second, and no later one is answered.
    await vi.advanceTimersByTimeAsync(3_000 + positiveTtlMs - 4_900);
    expect(directory.lookup("acme")).toMatchObject({ state: "ACTIVE" });
    await vi.advanceTimersByTimeAsync(1);
    expect(directory.lookup("acme")).toBeInstanceOf(Promise);
  });

  test("is asked for anew where a question has no answer for a second", async () => {
    store.held = Promise.withResolvers();
    const { held } = store;
    const early = directory.lookup("acme");
    await vi.advanceTimersByTimeAsync(negativeTtlMs);
    const joined = directory.lookup("acme");
    store.companies.set("acme", { ...acme, state: "SUSPENDED" });
    await vi.advanceTimersByTimeAsync(1);
    store.held = undefined;
    expect(await directory.lookup("acme")).toMatchObject({ state: "SUSPENDED" });
    held.resolve();
    expect([await early, await joined]).toMatchObject([{ state: "SUSPENDED" }, { state: "ACTIVE" }]);
    expect(await directory.lookup("acme")).toMatchObject({ state: "SUSPENDED" });
  });

  test("that was renewed is not what an older question says", async () => {
    await directory.lookup("acme");
    store.held = Promise.withResolvers();
    const round = store.held;
    // This round is given up; the next one comes after the look-up.
    await vi.advanceTimersByTimeAsync(positiveTtlMs + 1);
    store.held = Promise.withResolvers();
    const { held } = store;
    const late = directory.lookup("acme");
    store.companies.set("acme", { ...acme, state: "SUSPENDED" });
    store.held = undefined;
    round.resolve();
    await vi.advanceTimersByTimeAsync(2 * renewalPauseMs);
    expect(directory.lookup("acme")).toMatchObject({ state: "SUSPENDED" });
    held.resolve();
    expect(await late).toMatchObject({ state: "SUSPENDED" });
    expect(directory.lookup("acme")).toMatchObject({ state: "SUSPENDED" });
  });

  test("does not wait because one that was long away is asked for", async () => {
    store.companies.set("other", acme);
    await directory.lookup("other");
    expect(await call(1_000, renewedForMs * 2)).toBe(1);
    store.held = Promise.withResolvers();
    const { held } = store;
    const back = directory.lookup("other");
    store.held = undefined;
    expect(await call(positiveTtlMs * 2, positiveTtlMs * 4)).toBe(0);
    held.resolve();
    await back;
  });

  test("is not remembered again by an answer that was on its way when it was forgotten", async () => {
    await directory.lookup("acme");
    store.held = Promise.withResolvers();
    const { held } = store;
    await vi.advanceTimersByTimeAsync(positiveTtlMs * 0.8);
    directory.forget("acme");
    store.held = undefined;
    held.resolve();
    await vi.advanceTimersByTimeAsync(0);
    expect(directory.lookup("acme")).toBeInstanceOf(Promise);
  });

  test("is renewed again after the database failed", async () => {
    await directory.lookup("acme");
    store.failure = new Error("gone");
    await vi.advanceTimersByTimeAsync(positiveTtlMs * 2);
    await expect(directory.lookup("acme")).rejects.toThrow("gone");
    store.failure = undefined;
    await directory.lookup("acme");
    expect(await call(10_000, 30_000)).toBe(0);
  });

  test("is renewed with the others by few queries", async () => {
    const ids = Array.from({ length: 2_500 }, (_, n) => `tenant-${n}`);
    for (const id of ids) store.companies.set(id, acme);
    await Promise.all(ids.map((id) => directory.lookup(id)));
    const { queries } = store;
    await vi.advanceTimersByTimeAsync(positiveTtlMs / 2 + 2 * renewalPauseMs);
    expect(store.queries - queries).toBe(3);
    await vi.advanceTimersByTimeAsync(positiveTtlMs / 2);
    expect(ids.filter((id) => directory.lookup(id) instanceof Promise)).toEqual([]);
  });

  test("is not asked for by a directory that is closed", async () => {
    await directory.lookup("acme");
    directory.close();
    await vi.advanceTimersByTimeAsync(positiveTtlMs * 2);
    expect(store.queries).toBe(1);
  });

  test("is not waited for when the directory is closed", async () => {
    await directory.lookup("acme");
    store.held = Promise.withResolvers();
    await vi.advanceTimersByTimeAsync(positiveTtlMs);
    expect([store.queries, store.signal?.aborted]).toEqual([2, false]);
    directory.close();
    expect(store.signal?.aborted).toBe(true);
    await vi.advanceTimersByTimeAsync(positiveTtlMs);
    expect([store.queries, vi.getTimerCount()]).toEqual([2, 0]);
  });
});
