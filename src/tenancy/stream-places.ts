import { errors } from "../errors.ts";

/** How many streams of a kind may be open at the same time in the process. */
export interface StreamPlaces {
  /**
   * Takes a place for a stream of a tenant, and returns what gives it back; more than once does no harm.
   *
   * @throws WellvaultError LIMIT_REACHED when the tenant has a quarter of all places, OVERLOADED when none is free
   */
  take(tenantId: string): () => void;
}

/**
 * Makes as many places as there are to be. A tenant gets one at least.
 *
 * @param limit what a tenant is told that it has reached, such as `sample_streams`
 */
export function createStreamPlaces(total: number, limit: string): StreamPlaces {
  const mostOfOne = Math.max(1, Math.floor(total / 4));
  const taken = new Map<string, number>();
  let free = total;
  return {
    take(tenantId) {
      const own = taken.get(tenantId) ?? 0;
      if (own >= mostOfOne) throw errors.limitReached(limit, mostOfOne);
      if (free === 0) throw errors.overloaded();
      free--;
      taken.set(tenantId, own + 1);
      let isTaken = true;
      return () => {
        if (!isTaken) return;
        isTaken = false;
        free++;
        const left = (taken.get(tenantId) ?? 0) - 1;
        if (left > 0) taken.set(tenantId, left);
        else taken.delete(tenantId);
      };
    },
  };
}
