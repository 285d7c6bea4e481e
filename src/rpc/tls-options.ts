import { constants } from "node:crypto";
import type { TlsOptions } from "node:tls";
import type { TlsMaterial } from "../identity/identity-files.ts";
import { silenceMs } from "./tell-protocol.ts";

/** Returns how the server speaks TLS: 1.2 or newer, HTTP/2 or HTTP/1.1 by ALPN. */
export function tlsOptions({ cert, key, ca }: TlsMaterial): TlsOptions {
  return {
    cert,
    key,
    ...(ca === undefined ? {} : { ca }),
    minVersion: "TLSv1.2",
    ALPNProtocols: ["h2", "http/1.1"],
    handshakeTimeout: silenceMs,
    // The gate decides, so that health needs no certificate and a caller is told why one is refused.
    requestCert: ca !== undefined,
    rejectUnauthorized: false,
    // A session that is resumed would carry a client certificate past the check of its signer.
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
}
