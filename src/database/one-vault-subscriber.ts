import type { EntityManager, EventArgs, EventSubscriber, FlushEventArgs } from "@mikro-orm/postgresql";

/**
 * Refuses to write an entity through a manager of another vault than the one it was read from or made
 * for. Where the statement would name the other vault, PostgreSQL would refuse it too; an upsert names the
 * manager's own, and would copy the row. Here both are told for what they are, before anything is sent.
 */
export const oneVaultSubscriber: EventSubscriber = {
  onFlush({ em, uow }: FlushEventArgs): void {
    for (const { entity, schema } of uow.getChangeSets()) refuseOther(em.schema, entity, schema);
  },
  beforeUpsert({ em, entity }: EventArgs<object>): void {
    refuseOther((em as EntityManager).schema, entity);
  },
};

function refuseOther(vault: string | undefined, entity: object, schema?: string): void {
  const from = (entity as { __helper?: { __schema?: string } }).__helper?.__schema ?? schema;
  if (from !== undefined && from !== vault) throw new Error("an entity manager was used for two vaults");
}
