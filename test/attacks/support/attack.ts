import { basename } from "node:path";
import { expect, test } from "vitest";
import { attackIds, chapters } from "./catalogue.ts";
import { describeFailure, describeResult, evidenceOf } from "./outcome.ts";
import type { AttackRecord } from "./record.ts";
import type { Witness } from "./witness.ts";

/**
 * Tries something and notes what became of it.
 *
 * @param way what is tried through, such as `session.query`
 * @param work the attempt; what it returns or throws is searched for the victims' values
 * @param describe puts what it returned into a word; default the number of rows
 * @param mark adds to the outcome, whatever it was; see `Alerts`
 * @returns what the work returned, or undefined when it failed
 */
export type Attempt = <T>(
  way: string,
  work: () => Promise<T>,
  describe?: (result: T) => string | Promise<string>,
  mark?: () => string,
) => Promise<T | undefined>;

/** An attack of the catalogue. */
export interface Attack {
  /** Its id in the catalogue, such as `E04`. */
  readonly id: string;
  /** What the attacker does, such as `read B by its qualified name`. */
  readonly title: string;
  /** What every attempt has to end with: a SQLSTATE, the name of a gRPC code, or a result in a word. */
  readonly expected: string | (() => string);
  /** Values of the victims that the attacker has from the start and puts into the attempt. */
  readonly knows?: () => readonly string[];
  /** Makes one attempt or more. */
  readonly run: (attempt: Attempt) => Promise<void>;
}

/** An attack with a wall taken away, to show that it is the wall that stops it. */
export interface Control {
  /** The attack's id. */
  readonly id: string;
  /** The walls that are missing, such as `the grant's absence and row level security`. */
  readonly without: string;
  /**
   * What the attack then does: `reads B` when values of B must come back, `changes B` when B's rows must
   * differ afterwards, anything else as an attempt's outcome.
   */
  readonly effect: "reads B" | "changes B" | (string & {});
  /** Values of the victims that the attacker has from the start and puts into the attempt. */
  readonly knows?: () => readonly string[];
  /** Takes the wall away, makes the attempts, and puts the wall back if the file goes on. */
  readonly run: (attempt: Attempt) => Promise<void>;
}

/** An attack with one wall taken away and another one left standing, which stops it all the same. */
export interface HalfControl extends Omit<Control, "effect"> {
  /** What every attempt has to end with. */
  readonly expected: string;
}

/** What a test file declares its attacks with. */
export interface AttackSuite {
  /**
   * Declares an attack as a test: it fails unless every attempt ends as expected, the victims' rows and
   * catalogue are what they were, no value of theirs came back, and the next caller meets nothing of it.
   */
  attack(attack: Attack): void;
  /** Declares a control as a test: it fails unless the attack works. */
  control(control: Control): void;
  /** Declares that an attack is still stopped with one of several walls taken away. */
  half(half: HalfControl): void;
  /** Declares, last of all, the test that the file holds what the catalogue says it holds. */
  complete(): void;
}

/** Makes the declarations of a test file. The witness is asked for when the tests run. */
export function attackSuite(witness: () => Witness): AttackSuite {
  const attacks: string[] = [];
  const controls: string[] = [];
  return {
    attack(attack) {
      attacks.push(attack.id);
      test(`${attack.id} ${attack.title}`, async ({ task }) => {
        const expected = typeof attack.expected === "string" ? attack.expected : attack.expected();
        const record: AttackRecord = { kind: "attack", id: attack.id, title: attack.title, expected, met: [] };
        task.meta.attack = record;
        await makeAttack(attack, expected, record, witness());
      });
    },
    control(control) {
      controls.push(control.id);
      test(`${control.id} works without ${control.without}`, async ({ task }) => {
        const { id, without, effect } = control;
        const record: AttackRecord = { kind: "control", id, title: `without ${without}`, expected: effect, met: [] };
        task.meta.attack = record;
        await makeControl(control, record, witness());
      });
    },
    half(half) {
      const title = `without ${half.without} alone`;
      test(`${half.id} is still stopped ${title}`, async ({ task }) => {
        const { expected } = half;
        const record: AttackRecord = { kind: "half", id: half.id, title, expected, met: [] };
        task.meta.attack = record;
        await makeAttack(half, expected, record, witness());
      });
    },
    complete() {
      test("the file holds what the catalogue says", () => {
        const file = basename(expect.getState().testPath ?? "");
        expect(chapters[file], `chapters of support/catalogue.ts has no ${file}`).toBeDefined();
        expect({ attacks: attacks.sort(), controls: [...new Set(controls)].sort() }).toEqual({
          attacks: [...(chapters[file]?.attacks ?? [])].sort(),
          controls: [...(chapters[file]?.controls ?? [])].sort(),
        });
        for (const id of [...attacks, ...controls]) expect(attackIds).toContain(id);
      });
    },
  };
}

/** What the attempts of an attack met and brought back. */
interface Collected {
  readonly attempt: Attempt;
  readonly met: { readonly way: string; readonly outcome: string }[];
  readonly evidence: string[];
}

function collect(): Collected {
  const met: { way: string; outcome: string }[] = [];
  const evidence: string[] = [];
  const attempt: Attempt = async (way, work, describe = describeResult, mark = () => "") => {
    try {
      const result = await work();
      evidence.push(evidenceOf(result));
      met.push({ way, outcome: (await describe(result)) + mark() });
      return result;
    } catch (error) {
      evidence.push(evidenceOf(error));
      met.push({ way, outcome: describeFailure(error) + mark() });
      return undefined;
    }
  };
  return { attempt, met, evidence };
}

function seen(witness: Witness, evidence: readonly string[], known: readonly string[] = []): string[] {
  const secrets = witness.secrets.filter((secret) => !known.includes(secret));
  expect(secrets.length).toBeGreaterThan(0);
  return secrets.filter((secret) => evidence.some((text) => text.includes(secret)));
}

async function makeAttack(
  attack: Pick<Attack, "run" | "knows">,
  expected: string,
  record: AttackRecord,
  witness: Witness,
): Promise<void> {
  const before = await witness.fingerprint();
  const { attempt, met, evidence } = collect();
  await attack.run(attempt);
  const after = await witness.fingerprint();
  record.met = [...new Set(met.map(({ outcome }) => outcome))];
  record.unchanged = after.rows === before.rows && after.catalogue === before.catalogue;
  record.unseen = seen(witness, evidence, attack.knows?.()).length === 0;

  expect(met.length, "an attack makes one attempt at least").toBeGreaterThan(0);
  for (const { way, outcome } of met) expect(outcome, `through ${way}`).toBe(expected);
  expect(after, "the victims' rows and catalogue").toEqual(before);
  expect(seen(witness, evidence, attack.knows?.()), "values of the victims that came back").toEqual([]);
  await witness.aftermath();
}

async function makeControl(control: Control, record: AttackRecord, witness: Witness): Promise<void> {
  const before = await witness.fingerprint();
  const { attempt, met, evidence } = collect();
  await control.run(attempt);
  const after = await witness.fingerprint();
  const effects = [
    ...(seen(witness, evidence, control.knows?.()).length > 0 ? ["reads B"] : []),
    ...(after.rows !== before.rows ? ["changes B"] : []),
  ];
  const isEffectOnVictims = control.effect === "reads B" || control.effect === "changes B";
  record.met = isEffectOnVictims ? effects : [...new Set(met.map(({ outcome }) => outcome))];
  expect(met.length, "a control makes one attempt at least").toBeGreaterThan(0);
  if (isEffectOnVictims) expect(effects, JSON.stringify(met)).toContain(control.effect);
  else for (const { way, outcome } of met) expect(outcome, `through ${way}`).toBe(control.effect);
}
