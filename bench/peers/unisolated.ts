/** grpc-js and pg by hand, without isolation: tables that all tenants share, and a condition in each statement. */
import pg from "pg";
import { serveAsOrdered } from "../contestants/server-process.ts";
import { serveWithGrpcJs } from "./grpc-server.ts";
import { pgHandlers } from "./pg-handlers.ts";
import { peerStatements } from "./statements.ts";

serveAsOrdered(async ({ databaseUrl }) => {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 10, idleTimeoutMillis: 600_000 });
  const statements = peerStatements(true);
  const { port } = await serveWithGrpcJs(
    // Prepared by name, and a transaction each without saying so: the least that pg can do.
    pgHandlers(async (tenantId, name, values) => {
      const result = await pool.query({ name, text: statements[name], values: [...values, tenantId] });
      return result.rows;
    }),
  );
  return port;
});
