import { ConnectError } from "@connectrpc/connect";
import { BadRequestSchema } from "../gen/google/rpc/error_details_pb.ts";
import type { Employee } from "../gen/wellvault/v1/employee_pb.ts";
import { UpsertOutcome } from "../gen/wellvault/v1/employee_service_pb.ts";
import type { BadRow } from "./imported-sample.ts";
import type { ImportedEmployee } from "./read-employees.ts";

/** What became of the rows of a file. */
export interface EmployeeCounts {
  created: number;
  updated: number;
  unchanged: number;
  refused: number;
}

/** How to push employees. */
export interface PushEmployeesOptions {
  /** Stores a batch, all or none, and returns what became of each. */
  readonly send: (employees: readonly Employee[]) => Promise<readonly UpsertOutcome[]>;
  /** Told of each row that the service refused. */
  readonly onRefused: (row: Omit<BadRow, "file">) => void;
  /** Told after each batch how many bytes of the file are done. */
  readonly onBytes: (bytes: number) => void;
  /** Where the rows are counted, batch by batch, so that it is true also when a later batch fails. */
  readonly counts: EmployeeCounts;
  /** Employees in a batch at most. Default 1,000, the most that BatchUpsertEmployees takes. */
  readonly batchSize?: number;
}

/**
 * Sends employees in batches, one after the other, and counts what became of them. Rows that the service
 * refuses are left out, and the rest of their batch is sent again. Memory does not grow with the source.
 *
 * @throws the first failure of `source` or `send` that names no row; what was sent before stays, and pushing
 *   everything again is safe
 */
export async function pushEmployees(
  source: AsyncIterable<ImportedEmployee>,
  options: PushEmployeesOptions,
): Promise<void> {
  const { batchSize = 1_000 } = options;
  let batch: ImportedEmployee[] = [];
  for await (const one of source) {
    batch.push(one);
    if (batch.length < batchSize) continue;
    await pushBatch(batch, options);
    batch = [];
  }
  if (batch.length > 0) await pushBatch(batch, options);
}

async function pushBatch(batch: readonly ImportedEmployee[], options: PushEmployeesOptions): Promise<void> {
  const { send, onRefused, onBytes, counts } = options;
  let left = batch;
  while (left.length > 0) {
    try {
      for (const outcome of await send(left.map(({ employee }) => employee))) {
        if (outcome === UpsertOutcome.CREATED) counts.created++;
        else if (outcome === UpsertOutcome.UPDATED) counts.updated++;
        else counts.unchanged++;
      }
      break;
    } catch (error) {
      const refused = refusedItems(error);
      const kept = left.filter(({ line }, index) => {
        const found = refused.get(index);
        if (found) onRefused({ line, ...found });
        return !found;
      });
      // An error that names none of the rows will not go away by sending fewer.
      if (kept.length === left.length) throw error;
      left = kept;
    }
  }
  onBytes(batch.at(-1)?.bytes ?? 0);
}

/** What is wrong with items of a batch, by their index; empty when the error is about none of them. */
function refusedItems(error: unknown): Map<number, Pick<BadRow, "column" | "problem">> {
  const items = new Map<number, Pick<BadRow, "column" | "problem">>();
  if (!(error instanceof ConnectError)) return items;
  for (const { field, description } of error.findDetails(BadRequestSchema).flatMap((one) => one.fieldViolations)) {
    const [, index, column = ""] = /^employees\[(\d+)\]\.(\w+)/.exec(field) ?? [];
    if (index !== undefined && !items.has(Number(index))) items.set(Number(index), { column, problem: description });
  }
  return items;
}
