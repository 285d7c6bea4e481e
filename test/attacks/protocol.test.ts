import { afterAll, beforeAll } from "vitest";
import { declareLeftBehind } from "./pool/left-behind.ts";
import { declareStackedText } from "./pool/stacked-text.ts";
import { declareTokens } from "./pool/tokens.ts";
import { declareWithoutAPin } from "./pool/without-a-pin.ts";
import { attackSuite } from "./support/attack.ts";
import { type AttackWorld, openAttackWorld } from "./support/world.ts";

let world: AttackWorld;
beforeAll(async () => {
  world = await openAttackWorld();
});
afterAll(() => world.close());

const suite = attackSuite(() => world);
const { complete } = suite;
declareStackedText(suite, () => world);
declareLeftBehind(suite, () => world);
declareWithoutAPin(suite, () => world);
declareTokens(suite, () => world);

complete();
