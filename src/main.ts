import { endAs } from "./cli/end-as.ts";
import { runService } from "./cli/run-service.ts";

await endAs(runService());
