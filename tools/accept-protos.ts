/**
 * Records the present protos as landed, so that the next change is compared with them. Refuses when they
 * would break clients of those that landed before; `--breaking` overrides, which is a decision for a
 * review, not for an evening.
 */
import { existsSync, writeFileSync } from "node:fs";
import { buf, buildImage, landedImage } from "./protos.ts";

if (existsSync(landedImage) && !process.argv.includes("--breaking")) {
  try {
    buf(["breaking", "proto", "--against", landedImage]);
  } catch {
    console.error("The change would break clients. Change it, or accept it with: npm run protos:accept -- --breaking");
    process.exit(1);
  }
}
writeFileSync(landedImage, buildImage());
console.log("The protos are recorded as landed. Commit proto/landed.binpb with them.");
