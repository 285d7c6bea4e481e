import type { Contestant, ContestantName } from "./contestants/contestant.ts";
import { countInSharedTables } from "./contestants/count-shared.ts";
import { countInSchemas } from "./contestants/count-stored.ts";
import { hirePeople, provisionTenants, schemasOf } from "./contestants/ours.ts";
import { databaseUrl, makePeerDatabases } from "./contestants/peer-database.ts";
import { hasPgbench, pgbenchContestant } from "./contestants/pgbench.ts";
import { type ServedParts, servedContestant } from "./contestants/served.ts";
import { startServerProcess } from "./contestants/server-process.ts";
import { type BenchDatabase, openClient, startBenchDatabase } from "./database.ts";
import { type LoadProcess, startLoad } from "./load/process.ts";
import { nodeStartOf } from "./node-start.ts";

/** Everything that a run needs, ready to be measured; disposing of it stops and removes all of it. */
export interface Stage extends AsyncDisposable {
  readonly database: BenchDatabase;
  readonly load: LoadProcess;
  readonly contestants: readonly Contestant[];
  /** Those of them that answer gRPC calls. */
  readonly servers: readonly ServedParts[];
}

/** How big a stage is. */
export interface StageOptions {
  /** Tenants that there are. */
  readonly tenants: number;
  /** Tenants, from the front, that have something to read. */
  readonly readable: number;
  /** Told what is being done now; `total` pieces of it will be told to `onDone`. */
  readonly onStep: (step: string, total: number) => void;
  readonly onDone: () => void;
}

/** The isolating peers, each with a database of its own. */
const isolatedPeers = [
  { name: "isolated", script: "peers/isolated.ts", mode: "in turn" },
  { name: "pipelined", script: "peers/isolated.ts", mode: "pipelined" },
  { name: "documented", script: "peers/documented.ts", mode: "" },
] as const;

/** Makes all tenants of all contestants and starts every server. pgbench takes part where it is installed. */
export async function openStage({ tenants, readable, onStep, onDone }: StageOptions): Promise<Stage> {
  await using started = new AsyncDisposableStack();
  onStep("Starting PostgreSQL and Wellvault", 0);
  const database = started.use(await startBenchDatabase());
  const load = started.use(startLoad());
  const open = async (url: string) => started.use(await openClient(url));

  const own = { databaseUrl: database.url, nodeStart: nodeStartOf("start") };
  const start = () => startServerProcess("contestants/ours-server.ts", own);
  // The first start after an installation compiles the source and keeps that for all others, one of which is measured.
  await (await start())[Symbol.asyncDispose]();
  const service = started.use(await start());
  onStep(`Provisioning ${tenants} tenants of Wellvault through its API`, tenants);
  const tenantIds = await provisionTenants(service.port, tenants, onDone);
  onStep("Giving each of them employees", tenants);
  const people = await hirePeople(service.port, tenantIds, readable, onDone);
  const ownAdmin = await open(database.url);
  const countStored = countInSchemas(ownAdmin, await schemasOf(ownAdmin, people));
  const servers: ServedParts[] = [{ ...service, name: "ours", load, people, countStored }];

  onStep(`Making ${tenants} tenants of the peers`, tenants);
  const withPgbench = await hasPgbench();
  const isolated = [...isolatedPeers.map(({ name }) => name), ...(withPgbench ? ["pgbench"] : [])];
  const peers = await makePeerDatabases(database.url, isolated, tenants, readable, onDone);
  onStep("Starting the peers", 0);
  for (const { name, script, mode } of isolatedPeers) {
    const server = started.use(await startServerProcess(script, { databaseUrl: peers.urlOf(name), mode }));
    const count = countInSchemas(await open(databaseUrl(database.url, name)), peers.schemas);
    servers.push({ ...server, name, load, people: peers.people, countStored: count });
  }
  const shared = started.use(
    await startServerProcess("peers/unisolated.ts", { databaseUrl: peers.urlOf("unisolated") }),
  );
  const countShared = countInSharedTables(await open(databaseUrl(database.url, "unisolated")));
  servers.push({ ...shared, name: "unisolated", load, people: peers.people, countStored: countShared });
  const contestants = servers.map(servedContestant);
  if (withPgbench) {
    const admin = await open(databaseUrl(database.url, "pgbench"));
    contestants.push(pgbenchContestant(peers.urlOf("pgbench"), admin, peers.schemas));
  }
  onStep("Forcing everything to the disk", 0);
  await database.makeDurable();
  const order: readonly ContestantName[] = ["ours", "isolated", "pipelined", "unisolated", "documented", "pgbench"];
  contestants.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  const running = started.move();
  return { database, load, contestants, servers, [Symbol.asyncDispose]: () => running.disposeAsync() };
}
