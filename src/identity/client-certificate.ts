import type { X509Certificate } from "node:crypto";
import { errors } from "../errors.ts";
import type { CertificateEntries, CertificateEntry } from "./certificate-entries.ts";
import type { PeerCertificate } from "./principal.ts";

/** What is read of a certificate once and used for every call of its connection. */
interface CertificateFacts {
  /** The names it may be known by, or undefined when it has none or they do not say which. */
  readonly names: readonly string[] | undefined;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Whether it may sign other certificates, which one that stands for a caller must not. */
  readonly isAuthority: boolean;
}

const factsOf = new WeakMap<X509Certificate, CertificateFacts>();

/**
 * Returns whom the client certificate of a connection stands for. Its times are checked for each call: a
 * connection may outlive a certificate that is good for an hour.
 *
 * @throws WellvaultError CERTIFICATE_REFUSED when it stands for nobody
 */
export function entryOfCertificate(peer: PeerCertificate, entries: CertificateEntries): CertificateEntry {
  const { certificate, trusted } = peer;
  const facts = factsOf.get(certificate) ?? readFacts(certificate);
  factsOf.set(certificate, facts);
  const now = Date.now();
  if (now < facts.notBeforeMs || now > facts.notAfterMs) {
    throw errors.certificateRefused("time", "it is not good at this time; connect again with a new one");
  }
  if (!trusted || facts.isAuthority) {
    throw errors.certificateRefused("trust", "it must be a caller's own and signed by an authority trusted here");
  }
  if (!facts.names) {
    throw errors.certificateRefused("name", "it must have one SPIFFE URI and no other, or DNS names");
  }
  const found = new Set(facts.names.map((name) => entries.get(name)).filter((entry) => entry !== undefined));
  const [entry, another] = found;
  if (!entry) throw errors.certificateRefused("entry", "no entry of the service's configuration has its name");
  if (another) throw errors.certificateRefused("entry", "its names stand for more than one caller");
  return entry;
}

function readFacts(certificate: X509Certificate): CertificateFacts {
  return {
    names: namesOf(certificate.subjectAltName),
    notBeforeMs: certificate.validFromDate.getTime(),
    notAfterMs: certificate.validToDate.getTime(),
    isAuthority: certificate.ca,
  };
}

/**
 * Returns the names in the text that Node makes of a certificate's subjectAltName. With a URI, that is the
 * name, and it must be the only one and a SPIFFE id; without one, the DNS names are.
 */
export function namesOf(subjectAltName: string | undefined): readonly string[] | undefined {
  const names = splitNames(subjectAltName ?? "");
  if (!names) return undefined;
  const uris = names.filter(({ kind }) => kind === "URI");
  if (uris.length > 0) {
    const [uri] = uris;
    return uris.length === 1 && uri?.value.startsWith("spiffe://") ? [uri.value] : undefined;
  }
  const hosts = names.filter(({ kind }) => kind === "DNS").map(({ value }) => `dns:${value.toLowerCase()}`);
  return hosts.length > 0 ? hosts : undefined;
}

/** Undefined when a name holds what would have to be quoted: no name that is known here does. */
function splitNames(text: string): { kind: string; value: string }[] | undefined {
  if (text === "") return [];
  if (text.includes('"')) return undefined;
  return text.split(", ").map((part) => {
    const colon = part.indexOf(":");
    return { kind: part.slice(0, colon), value: part.slice(colon + 1) };
  });
}
