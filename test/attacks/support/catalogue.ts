/** What one test file holds of the catalogue. */
export interface Chapter {
  /** Attacks that the file makes; every id stands in one file only. */
  readonly attacks: readonly string[];
  /** Attacks of which the file shows that they work once a wall is taken away. */
  readonly controls: readonly string[];
}

/** Ids from `from` to `to`, but for some: `ids("S", 1, 3)` is S01, S02, S03. */
function ids(group: string, from: number, to: number, except: readonly number[] = []): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index)
    .filter((number) => !except.includes(number))
    .map((number) => `${group}${String(number).padStart(2, "0")}`);
}

/** The groups of attacks and what they have in common. */
export const groups: Readonly<Record<string, string>> = {
  E: "one statement inside A's call",
  S: "whole statements on A's connection",
  P: "protocol, pool and session",
  R: "through the wire",
};

/** Every attack that there has to be. */
export const attackIds: readonly string[] = [
  ...ids("E", 1, 39),
  ...ids("S", 1, 43, [21, 28]),
  ...ids("P", 1, 23),
  ...ids("R", 1, 30),
];

/**
 * Which file holds which. Each file ends with `complete()`, which fails when the file holds anything else,
 * and catalogue.test.ts fails when an attack stands in no file.
 */
export const chapters: Readonly<Record<string, Chapter>> = {
  "one-statement.test.ts": { attacks: ids("E", 1, 39), controls: [] },
  "whole-statements.test.ts": { attacks: ids("S", 1, 43, [21, 28]), controls: [] },
  "sql-controls.test.ts": {
    attacks: [],
    controls: [
      ...ids("E", 1, 16),
      ...ids("E", 21, 26),
      ...["E28", "E30", "E31", "E34", "E35", "E38", "E39"],
      ...["S01", "S02", "S04", "S05", "S08", "S09", "S12", "S13", "S17", "S18", "S22", "S24"],
      ...["S29", "S30", "S31", "S33", "S34", "S37", "S39", "S40", "S42"],
    ],
  },
  "protocol.test.ts": { attacks: ids("P", 1, 18), controls: [] },
  "pool-controls.test.ts": { attacks: [], controls: [...ids("P", 1, 12), ...ids("P", 15, 23)] },
  "many-sessions.test.ts": { attacks: ids("P", 19, 23), controls: [] },
  "wire-identity.test.ts": { attacks: [...ids("R", 1, 4), "R30"], controls: ["R01", "R02"] },
  "wire-tenant-choice.test.ts": { attacks: ids("R", 5, 8), controls: ["R05", "R07"] },
  "wire-reach.test.ts": { attacks: ids("R", 13, 16), controls: ["R13"] },
  "wire-content.test.ts": { attacks: ids("R", 9, 12), controls: ["R09"] },
  "wire-answers.test.ts": { attacks: ["R21", "R22", "R26"], controls: ["R26"] },
  "wire-tenants.test.ts": { attacks: ["R17", "R18", ...ids("R", 27, 29)], controls: ["R17"] },
  "wire-under-load.test.ts": { attacks: ["R19", "R20", "R23"], controls: ["R20", "R23"] },
  "wire-streams.test.ts": { attacks: ["R24", "R25"], controls: ["R24", "R25"] },
};
