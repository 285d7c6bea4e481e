import { insideTheVault } from "./inside-the-vault.ts";
import { lookingAround } from "./looking-around.ts";
import { reachingOut } from "./reaching-out.ts";
import type { SqlAttack } from "./sql-attack.ts";

/** E01 to E39: one statement inside A's call, as an injection into an expression would make it. */
export const oneStatement: readonly SqlAttack<string>[] = [...reachingOut, ...lookingAround, ...insideTheVault];
