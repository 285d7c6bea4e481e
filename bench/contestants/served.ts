import type { Person } from "../load/order.ts";
import type { LoadProcess } from "../load/process.ts";
import type { Contestant, ContestantName } from "./contestant.ts";
import type { CountStored } from "./count-stored.ts";

/** What a contestant that is a gRPC server is made of. */
export interface ServedParts {
  readonly name: ContestantName;
  readonly port: number;
  readonly pid: number | undefined;
  readonly load: LoadProcess;
  /** Its tenants; a turn takes as many from the front as it wants. */
  readonly people: readonly Person[];
  readonly countStored: CountStored;
}

/** A contestant that answers gRPC calls. Each of its calls writes under a number of its own. */
export function servedContestant({ name, port, pid, load, people, countStored }: ServedParts): Contestant {
  let nextId = 0;
  return {
    name,
    pid,
    warmsUpItself: false,
    async take({ operation, inFlight, tenants, spread, seconds, maxCalls }, { onLoadStart, onLoadEnd }) {
      const firstId = nextId;
      const some = people.slice(0, tenants);
      if (some.length < tenants) throw new Error(`${name} has only ${some.length} of ${tenants} tenants`);
      const order = { port, operation, inFlight, spread, people: some, seconds, maxCalls, firstId };
      onLoadStart();
      const { made, ...result } = await load.run(order);
      onLoadEnd();
      nextId += made;
      const stored =
        operation === "read"
          ? result.succeeded
          : await countStored({ operation, tenants, firstId, endId: firstId + made });
      return { ...result, stored };
    },
  };
}
