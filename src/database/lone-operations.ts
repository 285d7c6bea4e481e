import { type EntityMetadata, type PostgreSqlDriver, ReferenceKind } from "@mikro-orm/postgresql";

/** The promises of operations that are one statement and nothing else. */
const lone = new WeakSet<object>();

/** Whether a promise is one that an operation of one statement returned. */
export function isOneStatement(result: object): boolean {
  return lone.has(result);
}

/** Where the data of an operation stands among its arguments, or what else makes it one statement. */
const operations = {
  execute: "always",
  find: "of a table",
  findOne: "of a table",
  count: "of a table",
  nativeDelete: "of a table",
  nativeInsert: 1,
  nativeInsertMany: 1,
  nativeUpdate: 2,
  nativeUpdateMany: 2,
} as const satisfies { readonly [Name in keyof PostgreSqlDriver]?: number | string };

/**
 * Has a driver note which of its operations are one statement; see {@link isOneStatement}. All but
 * `execute` are unless their entity has no table of its own, or several: then its code or MikroORM's makes as many as it likes. What brings
 * data is one unless some of that is for a pivot table. So MikroORM 7.2 has it, and each operation has a test. Were one of them more than one statement after all, the second would be refused.
 */
export function noteLoneOperations(
  driver: PostgreSqlDriver,
  metadataOf: (entityName: unknown) => EntityMetadata | undefined,
): void {
  for (const [name, place] of Object.entries(operations)) {
    const operation = driver[name as keyof typeof operations] as (...args: unknown[]) => Promise<unknown>;
    const noting = (...args: unknown[]): Promise<unknown> => {
      // Asked first: the operation takes the rows of pivot tables out of its data.
      const data = typeof place === "number" ? args[place] : [];
      const isOne = place === "always" || isOfOneTable(metadataOf(args[0]), data);
      const result = operation.apply(driver, args);
      if (isOne) lone.add(result);
      return result;
    };
    Object.defineProperty(driver, name, { value: noting });
  }
}

function isOfOneTable(meta: EntityMetadata | undefined, data: unknown): boolean {
  if (!meta || meta.virtual || meta.inheritanceType === "tpt") return false;
  const pivots = meta.relations.filter(({ kind }) => kind === ReferenceKind.MANY_TO_MANY).map(({ name }) => name);
  const rows: unknown[] = Array.isArray(data) ? data : [data];
  return rows.every((row) => typeof row === "object" && row !== null && !pivots.some((name) => name in row));
}
