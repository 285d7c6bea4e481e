import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAuthority } from "../../support/certificates.ts";
import { openClients } from "../../support/clients.ts";
import { tokenSettings } from "../../support/tokens.ts";
import type { Stage } from "./stage.ts";

/** Starts a service that takes client certificates of A's as well, for the work. */
export async function withCertificates(
  stage: Stage,
  work: (connect: (uri?: string) => Promise<ReturnType<typeof openClients>>) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "wellvault-certificates-"));
  try {
    const authority = await createAuthority("authority");
    const own = await authority.issue({ hosts: ["localhost"], addresses: ["127.0.0.1"] });
    const tenants = stage.a.tenantId;
    const entries = {
      "spiffe://example.org/admin-of-a": { principal: "admin-of-a", role: "company_admin", tenants },
      "spiffe://example.org/gateway-of-a": { principal: "g", role: "coach", tenants, forwards: ["company_admin"] },
    };
    const file = async (name: string, text: string) => {
      await writeFile(join(folder, name), text);
      return join(folder, name);
    };
    const settings = tokenSettings({
      WELLVAULT_JWT_KEYS_FILE: stage.issuer.keysFile,
      WELLVAULT_TLS_CERT_FILE: await file("server.pem", own.cert),
      WELLVAULT_TLS_KEY_FILE: await file("server.key", own.key),
      WELLVAULT_TLS_CLIENT_CA_FILE: await file("ca.pem", authority.cert),
      WELLVAULT_CERTIFICATES_FILE: await file("entries.json", JSON.stringify(entries)),
    });
    const service = await stage.startAnother({}, settings);
    const address = service.address.replace("127.0.0.1", "localhost");
    await work(async (uri) => {
      const certificate = uri === undefined ? {} : await authority.issue({ uris: [uri] });
      return openClients(address, "grpc", { ca: authority.cert, ...certificate });
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
