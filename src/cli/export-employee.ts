import { timestampDate } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { PrivacyService } from "../gen/wellvault/v1/privacy_service_pb.ts";
import type { CommandIo } from "./command-io.ts";
import { fileOf } from "./exports/export-files.ts";
import { writeExport } from "./exports/write-export.ts";
import { openTenantCaller } from "./tenant-caller.ts";

/** The options of `wellvault export employee` as commander reads them. */
export interface ExportEmployeeOptions {
  readonly tenant: string;
  readonly out: string;
  readonly address: string;
  readonly tokenFile?: string;
  readonly json?: boolean;
}

/** How long an export may take: longer than the service lets it. */
const timeoutMs = 330_000;

/**
 * Exports an employee into a folder and prints what it consists of.
 *
 * @throws ConfigError when the folder or an option cannot be used, ConnectError when the call fails, ExportBrokenError
 *   when what came is not what its manifest says
 */
export async function exportEmployee(employeeId: string, options: ExportEmployeeOptions, io: CommandIo): Promise<void> {
  using caller = await openTenantCaller(
    { ...options, role: "employee", employeeId, tokenFile: options.tokenFile },
    io.env,
  );
  const client = createClient(PrivacyService, caller.transport);
  // How much there is, nobody knows before it came: a count and no bar.
  const isTerminal = io.stderr.isTTY;
  let bytes = 0;
  const manifest = await writeExport(
    () => client.exportEmployee({ employeeId }, { ...caller.options, timeoutMs }),
    options.out,
    (more) => {
      bytes += more;
      if (isTerminal) io.stderr.write(`\r  ${Math.ceil(bytes / 1_024)} KiB`);
    },
  ).finally(() => {
    if (isTerminal) io.stderr.write("\r\u001b[K");
  });
  const files = manifest.files.map(({ recordType, recordCount, byteCount, sha256 }) => ({
    file: fileOf(recordType),
    records: Number(recordCount),
    bytes: Number(byteCount),
    sha256,
  }));
  const snapshotTime = manifest.snapshotTime && timestampDate(manifest.snapshotTime).toISOString();
  const { tenantId } = manifest;
  if (options.json) {
    io.stdout.write(`${JSON.stringify({ folder: options.out, tenantId, employeeId, snapshotTime, files }, null, 2)}\n`);
    return;
  }
  for (const { file, records, bytes } of files) io.stdout.write(`${file}: ${records} records, ${bytes} bytes\n`);
  io.stdout.write(`Everything as of ${snapshotTime} is in ${options.out}, checked against its manifest.\n`);
}
