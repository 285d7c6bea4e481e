/** What the banner tells. */
export interface BannerFacts {
  readonly address: string;
  readonly version: string;
  readonly serverVersion: string;
  readonly companies: number;
  /** Folder of the embedded server, or undefined for a server of somebody else. */
  readonly embeddedFolder: string | undefined;
}

/**
 * The block that a start prints: where the service is, and three calls that work as printed. They can
 * be repeated: each gives the same answer the second time.
 */
export function banner(facts: BannerFacts): string {
  const { address, embeddedFolder } = facts;
  const database = embeddedFolder
    ? `PostgreSQL ${facts.serverVersion}, embedded, in ${embeddedFolder}\n             psql "$(cat '${embeddedFolder}/database-url')"`
    : `PostgreSQL ${facts.serverVersion}, from DATABASE_URL`;
  return `
Wellvault ${facts.version}
  address    ${address}   (gRPC, gRPC-Web and Connect; HTTP/2 prior knowledge and HTTP/1.1)
  database   ${database}
  companies  ${facts.companies}
  identity   DEVELOPMENT: x-tenant-id and x-role are believed. Loopback only, never for real data.

Try it, in another terminal:

${exampleCalls(address).join("\n\n")}

Ctrl-C stops the server${embeddedFolder ? " and its database" : "; the database is left alone"}.
`;
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
