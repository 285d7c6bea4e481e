import { expect, test } from "vitest";
import { statement } from "../../src/database/statement.ts";
import type { TenantEntry } from "../../src/tenancy/tenant.ts";
import { openPinnedPlane } from "../support/pinned.ts";

test("tenants that send nothing but transactions do not overtake those whose connections know them", async () => {
  const plane = await openPinnedPlane(4);
  try {
    const noisy = [await plane.provision("noisy-1"), await plane.provision("noisy-2")];
    const quiet: TenantEntry[] = [];
    for (let n = 0; n < 24; n++) quiet.push(await plane.provision(`quiet-${n}`));
    const one = statement<[], { one: number }>`select 1 as one`;
    const callAll = async () => await Promise.all(quiet.map((tenant) => plane.open(tenant).query(one, [])));
    for (let n = 0; n < 3; n++) await callAll();
    // Not literal, so each connection is cleaned after it, and free only when nobody looks for whose turn it is.
    const work = statement<[], { count: string }>("select count(*) from generate_series(1, 60000)");
    let isOver = false;
    let done = 0;
    const loops = noisy.flatMap((tenant) =>
      Array.from({ length: 15 }, async () => {
        while (!isOver) {
          await plane.open(tenant).transaction((transaction) => transaction.query(work, []));
          done++;
        }
      }),
    );
    while (done < 8) await new Promise((next) => setTimeout(next, 5));
    const before = done;
    await callAll();
    const meanwhile = done - before;
    isOver = true;
    await Promise.all(loops);
    // In the order of the line the two have two turns where the others have one each.
    expect(meanwhile).toBeLessThan(quiet.length);
  } finally {
    await plane.close();
  }
});
