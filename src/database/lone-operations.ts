import { type EntityMetadata, type PostgreSqlDriver, ReferenceKind } from "@mikro-orm/postgresql";

/** The promises of operations that are one statement and nothing else. */
const lone = new WeakSet<object>();

/** Whether a promise is one that an operation of one statement returned. */
export function isOneStatement(result: object): boolean {
  return lone.has(result);
}

/** The operations of a driver, by where their data stands among the arguments; undefined: they have none. */
const operations = {
  execute: undefined,
  find: undefined,
  findOne: undefined,
  count: undefined,
  nativeDelete: undefined,
  nativeInsert: 1,
  nativeInsertMany: 1,
  nativeUpdate: 2,
  nativeUpdateMany: 2,
} as const satisfies { readonly [Name in keyof PostgreSqlDriver]?: number | undefined };

/**
 * Has a driver note which of its operations are one statement; see {@link isOneStatement}. What writes is one unless its data
 * has rows of a pivot table or is spread over the tables of a class and its parents, as MikroORM 7.2 has it; each operation
 * has a test. Were one of them more than one statement after all, the second would be refused.
 */
export function noteLoneOperations(
  driver: PostgreSqlDriver,
  metadataOf: (entityName: unknown) => EntityMetadata | undefined,
): void {
  for (const [name, dataAt] of Object.entries(operations)) {
    const operation = driver[name as keyof typeof operations] as (...args: unknown[]) => Promise<unknown>;
    const noting = (...args: unknown[]): Promise<unknown> => {
      // Asked first: the operation takes the rows of pivot tables out of its data.
      const isOne = dataAt === undefined || isOfOneTable(metadataOf(args[0]), args[dataAt]);
      const result = operation.apply(driver, args);
      if (isOne) lone.add(result);
      return result;
    };
    Object.defineProperty(driver, name, { value: noting });
  }
}

function isOfOneTable(meta: EntityMetadata | undefined, data: unknown): boolean {
  if (!meta || meta.inheritanceType === "tpt") return false;
  const pivots = meta.relations.filter(({ kind }) => kind === ReferenceKind.MANY_TO_MANY).map(({ name }) => name);
  const rows = (Array.isArray(data) ? data : [data]) as object[];
  return rows.every((row) => !pivots.some((name) => name in row));
}
