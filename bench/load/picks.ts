import { type Spread, zipfExponent } from "../plan.ts";

/** How many picks are drawn before they repeat; a power of two. */
const count = 65_536;

/**
 * Draws the order in which tenants get calls. It is the same in every run, so that contestants get the same
 * calls.
 *
 * @returns a function that returns the tenant's place in the list for each call, from 0
 */
export function drawTenants(tenants: number, spread: Spread): () => number {
  const random = xorshift(20_260_101);
  const shares = Array.from({ length: tenants }, (_, index) => (spread === "zipf" ? (index + 1) ** -zipfExponent : 1));
  const sum = shares.reduce((total, share) => total + share, 0);
  let reached = 0;
  const limits = shares.map((share) => {
    reached += share / sum;
    return reached;
  });
  const picks = Uint16Array.from({ length: count }, () => {
    const point = random();
    let [low, high] = [0, tenants - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((limits[middle] ?? 1) < point) low = middle + 1;
      else high = middle;
    }
    return low;
  });
  let next = 0;
  return () => picks[next++ & (count - 1)] ?? 0;
}

/** Numbers from 0 to 1, always the same ones for a seed. */
function xorshift(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
