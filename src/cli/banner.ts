import type { IdentitySettings } from "../identity/identity-settings.ts";

/** What the banner tells. */
export interface BannerFacts {
  readonly address: string;
  readonly version: string;
  readonly serverVersion: string;
  readonly companies: number;
  readonly identity: IdentitySettings;
  /** Folder of the embedded server, or undefined for a server of somebody else. */
  readonly embeddedFolder: string | undefined;
}

/**
 * The block that a start prints: where the service is, whom it believes, and calls that work as printed.
 * Those of the development identity can be repeated: each gives the same answer the second time.
 */
export function banner(facts: BannerFacts): string {
  const { address, embeddedFolder, identity } = facts;
  const database = embeddedFolder
    ? `PostgreSQL ${facts.serverVersion}, embedded, in ${embeddedFolder}\n             psql "$(cat '${embeddedFolder}/database-url')"`
    : `PostgreSQL ${facts.serverVersion}, from DATABASE_URL`;
  const protocols = identity.mode === "credentials" && identity.tls ? "by ALPN" : "with prior knowledge";
  const calls = identity.mode === "development" ? exampleCalls(address) : [tokenCall(address)];
  return `
Wellvault ${facts.version}
  address    ${address}   (gRPC, gRPC-Web and Connect; HTTP/2 ${protocols} and HTTP/1.1)
  database   ${database}
  companies  ${facts.companies}
  identity   ${whoIsBelieved(identity)}
${identity.mode === "development" && identity.forced ? forcedWarning : ""}
Try it, in another terminal:

${calls.join("\n\n")}

Ctrl-C stops the server${embeddedFolder ? " and its database" : "; the database is left alone"}.
`;
}

/** What a start prints when the development identity was demanded for a database that may hold real data. */
const forcedWarning = `
  ############################################################################################
  #  DEVELOPMENT IDENTITY ON THE DATABASE OF DATABASE_URL.                                   #
  #  Whoever reaches this port can read and change every company's data by saying so.        #
  #  WELLVAULT_IDENTITY=credentials believes tokens and client certificates instead.         #
  ############################################################################################
`;

function whoIsBelieved(identity: IdentitySettings): string {
  if (identity.mode === "development") {
    return "DEVELOPMENT: x-tenant-id and x-role are believed. Loopback only, never for real data.";
  }
  const { tokens, certificatesFile, tls } = identity;
  const believed = [tokens && "tokens", certificatesFile && "client certificates"].filter(Boolean).join(" and ");
  return `${believed}, ${tls ? "over TLS" : "in plain text: TLS ends in front of this process"}`;
}

function tokenCall(address: string): string {
  const plain = address.startsWith("https:") ? "" : " --http2-prior-knowledge";
  return `npx buf curl${plain} -H "authorization: Bearer $TOKEN" \\
  -d '{}' ${address}/wellvault.v1.MetricService/ListMetricKinds`;
}

/** The three calls of the banner and the README. */
export function exampleCalls(address: string): string[] {
  const curl = "npx buf curl --http2-prior-knowledge";
  return [
    `${curl} -H 'x-role: platform_operator' \\
  -d '{"tenantId": "acme", "displayName": "Acme Inc."}' \\
  ${address}/wellvault.v1.TenantService/ProvisionTenant`,
    `${curl} -H 'x-role: company_admin' -H 'x-tenant-id: acme' \\
  -d '{"employee": {"externalId": "E-1", "displayName": "Ada"}, "requestId": "0b9f2f0e-5a3c-4d8e-9c55-3f1f6f0c7a01"}' \\
  ${address}/wellvault.v1.EmployeeService/CreateEmployee`,
    `${curl} -H 'x-role: company_admin' -H 'x-tenant-id: acme' \\
  -d '{}' ${address}/wellvault.v1.EmployeeService/ListEmployees`,
  ];
}
