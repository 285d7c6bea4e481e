import { toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, vi } from "vitest";
import { envelope } from "../support/wire.ts";
import { attackSuite } from "./support/attack.ts";
import { type Company, withSpareEmployee } from "./wire/company.ts";
import { rawCall } from "./wire/raw-call.ts";
import { openStage, type Stage } from "./wire/stage.ts";
import { fateOf } from "./wire/verbatim.ts";
import { texts, walkTexts } from "./wire/walk-texts.ts";

// Hundreds of calls take a while on a machine that has other work.
vi.setConfig({ testTimeout: 120_000 });

let stage: Stage;
/** A, but with an employee whom the attacks may change. */
let a: Company;
beforeAll(async () => {
  stage = await openStage();
  a = await withSpareEmployee(stage.callers["grpc-js"], stage.issuer, stage.a);
});
afterAll(() => stage.close());

const { attack, control, complete } = attackSuite(() => stage);

attack({
  id: "R09",
  title: "SQL in every text of every request",
  expected: "verbatim or refused",
  knows: () => [stage.b.vault],
  async run(attempt) {
    await walkTexts(stage, a, attempt, [
      "'; drop table employees; --",
      `x' union select note from ${stage.b.vault}.log_entries --`,
      `$1 $$; set role ${stage.b.vault}; $$ \\'; reset role; select pg_sleep(9)`,
    ]);
  },
});

attack({
  id: "R10",
  title: "NUL in every text of every request",
  expected: "refused or not looked at",
  async run(attempt) {
    const clients = Object.values(stage.callers);
    for (const [index, field] of texts.entries()) {
      for (const text of ["\0", "a\0b", "ends\0"]) {
        const by = clients[index % 3];
        if (!by) continue;
        await attempt(
          `${field.call.name} ${field.path}`,
          () => fateOf(stage, a, field, text, [by, by]),
          ({ fate }) => (fate === "refused" || fate === "ignored" ? "refused or not looked at" : fate),
        );
      }
    }
  },
});

attack({
  id: "R11",
  title: "bytes that are no UTF-8 in every text of every request",
  expected: "INVALID_ARGUMENT",
  async run(attempt) {
    const place = "PLACE";
    for (const field of texts) {
      const bytes = Buffer.from(toBinary(field.call.method.input, field.request(a, place)));
      for (const bad of ["c328414141", "eda0bd4141", "c0af414141", "41fffe4141", "414141f09f"]) {
        const sent = Buffer.from(bytes);
        Buffer.from(bad, "hex").copy(sent, bytes.indexOf(place));
        await attempt(
          `${field.call.name} ${field.path}`,
          () => rawCall(stage, field.call, envelope(sent), a.badges[field.call.badge]),
          ({ outcome }) => outcome,
        );
      }
    }
  },
});

attack({
  id: "R12",
  title: "right-to-left, zero-width and look-alike letters in every text of every request",
  expected: "verbatim or refused",
  async run(attempt) {
    await walkTexts(stage, a, attempt, [
      "\u202eevil\u202c \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
      "a\u200bb\u200cc\u200dd\ufeffe\u2060f\u00adg",
      "\ufeff\u0430\u0441me e\u0301 \u00e9 \u212b \u{1f469}\u{1f3fd}\u200d\u{1f52c} \u{10ffff} \ufffe",
    ]);
  },
});

control({
  id: "R09",
  without: "bound parameters and the vault's role",
  effect: "reads B",
  knows: () => [stage.b.vault],
  async run(attempt) {
    const text = `x' union select note from ${stage.b.vault}.log_entries --`;
    await attempt("the text in the statement", async () => {
      const { admin } = stage.database;
      const { rows } = await admin.query(`select team from ${stage.a.vault}.employees where external_id = '${text}'`);
      return rows;
    });
  },
});

complete();
