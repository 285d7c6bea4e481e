/** The load's process: runs one turn for each order it is sent, and answers with what it found. */
import type { LoadAnswer, LoadOrder } from "./order.ts";
import { runTurn } from "./turn.ts";

process.on("message", (order: LoadOrder) => {
  runTurn(order).then(
    (result) => process.send?.({ result } satisfies LoadAnswer),
    (error: unknown) => process.send?.({ error: String(error) } satisfies LoadAnswer),
  );
});
// Nothing is left to do when whoever gives orders is gone.
process.on("disconnect", () => process.exit());
