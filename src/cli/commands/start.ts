import { Command } from "commander";

/** `wellvault start`: what `npm start` runs. */
export function startCommand(): Command {
  return new Command("start")
    .description("start the service; its settings are environment variables, listed in docs/operations.md")
    .action(async () => {
      const { runService } = await import("../run-service.ts");
      const { endAs } = await import("../end-as.ts");
      await endAs(runService());
    });
}
