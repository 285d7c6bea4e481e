import { once } from "node:events";
import { type ClientHttp2Stream, constants } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { EmployeeLogService } from "../../../src/gen/wellvault/v1/employee_log_service_pb.ts";
import type { LogEntry } from "../../../src/gen/wellvault/v1/log_entry_pb.ts";
import { envelope, openWire, type Wire } from "../../support/wire.ts";
import { describeFailure } from "../support/outcome.ts";
import type { Stage } from "./stage.ts";

/** Puts an entry as A's employee, and says how that ended. */
export type Start = (request: { employeeId: string; entry: LogEntry }, signal: AbortSignal) => Promise<string>;

/** The ways to give a call up. The last two have no answer to wait for. */
export function waysToGiveUp(stage: Stage): Readonly<Record<string, Start>> {
  const { putLogEntry } = EmployeeLogService.method;
  const { person } = stage.a.badges;
  const byClient = Object.entries(stage.callers).map(([name, caller]): [string, Start] => [
    name,
    (request, signal) => caller.call(putLogEntry, request, { ...person, signal }).then(() => "stored", describeFailure),
  ]);
  const byWire =
    (giveUp: (wire: Wire, stream: ClientHttp2Stream) => void): Start =>
    async (request, signal) => {
      const wire = await openWire(stage.address);
      const path = `/${EmployeeLogService.typeName}/${putLogEntry.name}`;
      const stream = wire.open(path, { "content-type": "application/grpc", ...person.headers });
      stream.end(envelope(toBinary(putLogEntry.input, create(putLogEntry.input, request))));
      const outcome = Promise.race([
        once(stream, "trailers").then(() => "stored"),
        once(signal, "abort").then(() => "CANCELLED"),
      ]);
      signal.addEventListener("abort", () => giveUp(wire, stream));
      return await outcome.finally(() => wire.close());
    };
  return {
    ...Object.fromEntries(byClient),
    "a reset stream": byWire((_, stream) => stream.close(constants.NGHTTP2_CANCEL)),
    "a lost connection": byWire((wire) => wire.session.destroy()),
  };
}
