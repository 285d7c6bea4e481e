/**
 * Writes docs/verify.md from the list of checks: `node tools/verify-docs.ts`. A test compares them.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { allChecks } from "../src/verify/all-checks.ts";
import { catalogueChecks } from "../src/verify/catalogue-checks.ts";

/** Where the page stands. */
export const verifyPageFile = join(import.meta.dirname, "../docs/verify.md");

/** Returns the page. */
export function verifyPage(): string {
  const catalogue = new Set(catalogueChecks.map(({ id }) => id));
  const sections = allChecks.map(({ id, title, remedy, severity }) => {
    const how = catalogue.has(id) ? `Query: [sql/verify/${id}.sql](../sql/verify/${id}.sql). ` : "";
    const note = severity === "note" ? "A note: it is told and does not fail the verification. " : "";
    return `### ${id}\n\n${title}.\n\n${note}${how}When it does not hold: ${remedy}\n`;
  });
  return `${introduction}\n${sections.join("\n")}`;
}

const introduction = `# Verifying the isolation

<!-- Written by tools/verify-docs.ts from the list of checks; change it there. -->

\`wellvault verify\` looks for every way known to us in which one company's caller could reach another company's data. An
auditor can run it without trusting the service: it reads the catalogue of PostgreSQL as a login of its own
(\`wellvault_auditor\`, which can read no row of any vault), each check is one query that can be read and run by hand, and the
canary is looked for with the very logins and tokens of the service.

\`\`\`sh
npm run wellvault -- verify --out report --sign-key auditor.pem
npm run wellvault -- verify --check-report report.json --public-key auditor-public.pem
\`\`\`

It takes the settings of the service: \`DATABASE_URL\`, \`WELLVAULT_LOGIN_SECRET\` and \`WELLVAULT_TOKEN_SECRET\`, or with the
embedded database \`WELLVAULT_DATA_DIR\` while the service runs. It writes nothing into the database; for each vault PostgreSQL
writes at least one line about a wrong token into its log, with the application name \`wellvault verify\`.

| exit code | means |
|---|---|
| 0 | every check was done and found nothing |
| 1 | a check found something |
| 2 | nothing was found, and something could not be checked |

The report says when it was made, of which database, with which versions, how each check was done (the file of its query and
its SHA-256), how many objects it looked at, and what it found, with tenants and objects by name: it is for the auditor, not
for callers. \`--out\` writes it as text, with lines to sign, and as JSON. The JSON carries the SHA-256 of its canonical form,
and with \`--sign-key\` (Ed25519: \`openssl genpkey -algorithm ed25519\`) a signature. The same runs over the wire as
\`VerificationService.VerifyIsolation\`, for the role \`auditor\`, one at a time in a process.

**The canary** is a built-in tenant, \`wellvault-canary\`, which the service makes at its start, with a row in each table. No
caller can act for it. Every other vault tries to read it by SQL, with the login of its own and its own token, and with its
own token under the canary's role; up to a hundred tenants (above that a hundred drawn by a seed that the report names) ask
the service for it, as every role that may read, inside the process, through the same gate, validation and handlers as every
call. And the canary asks for itself, which must show the rows: else the other checks could not fail.

What every vault and the control plane must look like stands in \`sql/verify/shape.json\`, made from a fresh database by
\`node tools/verify-shape.ts\`; a test compares the two. Run it after a new migration, and read its change.
What PostgreSQL's own functions are stands as one sum for each tested version in \`sql/verify/builtin-functions.json\`, made from
fresh servers by \`node tools/verify-builtins.ts\`.

## The checks
`;

if (import.meta.main) writeFileSync(verifyPageFile, verifyPage());
