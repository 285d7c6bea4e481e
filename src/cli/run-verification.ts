import { Presets, SingleBar } from "cli-progress";
import { openLog } from "../telemetry/log.ts";
import { verifyDatabase } from "../verification.ts";
import type { Report } from "../verify/report.ts";
import type { VerifyProgress } from "../verify/verify.ts";
import type { Terminal } from "./command-io.ts";
import type { CommandDatabase } from "./database-of.ts";

/** Verifies the database of a command and shows on a terminal how far it is. */
export async function runVerification(database: CommandDatabase, stream: Terminal): Promise<Report> {
  const progress = stream.isTTY ? bars(stream) : undefined;
  try {
    const log = openLog("error");
    return await verifyDatabase({ ...database, log, ...(progress ? { onProgress: progress.show } : {}) });
  } finally {
    progress?.stop();
  }
}

/** One bar after the other, one for each stage. */
function bars(stream: Terminal): { show: (progress: VerifyProgress) => void; stop: () => void } {
  let stage = "";
  let bar: SingleBar | undefined;
  return {
    show(progress) {
      if (progress.stage !== stage) {
        bar?.stop();
        stage = progress.stage;
        bar = new SingleBar(
          { format: `  {bar} {value} of {total} ${stage}`, stream, hideCursor: true },
          Presets.shades_classic,
        );
        bar.start(progress.of, progress.done);
      } else {
        bar?.setTotal(progress.of);
        bar?.update(progress.done);
      }
    },
    stop: () => bar?.stop(),
  };
}
