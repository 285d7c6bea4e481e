import { statement } from "../../../src/database/statement.ts";
import { EmployeeEntity } from "../../../src/employees/employee-entity.ts";
import type { AttackSuite } from "../support/attack.ts";
import type { AttackWorld } from "../support/world.ts";

/** Text with more than one statement, which becomes B and reads it. */
export const stacked = (vault: string) =>
  `select 1; reset role; set role ${vault}; select external_id, display_name from ${vault}.employees`;

/** P01 and P02: a second statement in the text of the first. */
export function declareStackedText({ attack }: AttackSuite, world: () => AttackWorld): void {
  attack({
    id: "P01",
    title: "send several statements in one text",
    expected: "42601",
    run: (attempt) => world().attackBySql(attempt, [stacked(world().b.vault)]),
  });

  attack({
    id: "P02",
    title: "send several statements in one text with values, comments and raw fragments around",
    expected: "42601",
    async run(attempt) {
      const { plane, a, b } = world();
      const more = `reset role; set role ${b.vault}; select external_id from ${b.vault}.employees`;
      const valued = statement<[number], never>(`select $1::integer; ${more}`);
      await attempt("session.query with a value", () => plane.open(a).query(valued, [1]));
      await attempt("em.execute with a value", () => plane.open(a).em.execute(`select ?::integer; ${more}`, [1]));
      await world().attackBySql(attempt, [`select 1 /* ; */ ; -- \n ${more}`]);
      await attempt("a query builder's raw fragment", () =>
        plane.open(a).em.createQueryBuilder(EmployeeEntity).where(`1 = 1; ${more} --`).getResultList(),
      );
    },
  });
}
