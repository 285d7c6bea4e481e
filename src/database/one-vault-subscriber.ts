import type { EventSubscriber, FlushEventArgs } from "@mikro-orm/postgresql";

/**
 * Refuses to write an entity through a manager of another vault than the one it was read from or made
 * for. PostgreSQL would refuse it too; here it is told for what it is, before anything is sent.
 */
export const oneVaultSubscriber: EventSubscriber = {
  onFlush({ em, uow }: FlushEventArgs): void {
    for (const { entity, schema } of uow.getChangeSets()) {
      const from = (entity as { __helper?: { __schema?: string } }).__helper?.__schema ?? schema;
      if (from !== undefined && from !== em.schema) throw new Error("an entity manager was used for two vaults");
    }
  },
};
