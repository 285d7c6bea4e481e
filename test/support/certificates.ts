import "reflect-metadata";
import { webcrypto } from "node:crypto";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  type Extension,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";

const ecdsa = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** A certificate and its private key, PEM. */
export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
}

/** What a certificate says. */
export interface CertificateContents {
  readonly uris?: readonly string[];
  readonly hosts?: readonly string[];
  readonly addresses?: readonly string[];
  /** Whether it may sign others. Default false. */
  readonly ca?: boolean;
  /** What it may be used for: OIDs. Default TLS of either side. */
  readonly usages?: readonly string[];
  /** From when and until when, in seconds from now. Default an hour ago and in an hour. */
  readonly fromS?: number;
  readonly untilS?: number;
}

/** An authority that signs certificates. */
export interface TestAuthority {
  /** Its own certificate, PEM. */
  readonly cert: string;
  issue(contents: CertificateContents): Promise<TestCertificate>;
}

/** TLS of a server and of a client. */
const bothSides = ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"];
let serial = 0;

/** Makes an authority of its own. */
export async function createAuthority(name: string): Promise<TestAuthority> {
  const keys = await webcrypto.subtle.generateKey(ecdsa, true, ["sign", "verify"]);
  const own = await X509CertificateGenerator.createSelfSigned({
    serialNumber: nextSerial(),
    name: `CN=${name}`,
    ...times({}),
    signingAlgorithm: ecdsa,
    keys,
    extensions: [new BasicConstraintsExtension(true, undefined, true)],
  });
  return {
    cert: own.toString("pem"),
    async issue(contents) {
      const subject = await webcrypto.subtle.generateKey(ecdsa, true, ["sign", "verify"]);
      const certificate: X509Certificate = await X509CertificateGenerator.create({
        serialNumber: nextSerial(),
        subject: "CN=test",
        issuer: own.subject,
        ...times(contents),
        signingAlgorithm: ecdsa,
        publicKey: subject.publicKey,
        signingKey: keys.privateKey,
        extensions: extensionsOf(contents),
      });
      const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", subject.privateKey)).toString("base64");
      return {
        cert: certificate.toString("pem"),
        key: `-----BEGIN PRIVATE KEY-----\n${pkcs8.replace(/.{64}/g, "$&\n")}\n-----END PRIVATE KEY-----\n`,
      };
    },
  };
}

function extensionsOf({ uris = [], hosts = [], addresses = [], ca = false, usages }: CertificateContents): Extension[] {
  const names = [
    ...uris.map((value) => ({ type: "url", value }) as const),
    ...hosts.map((value) => ({ type: "dns", value }) as const),
    ...addresses.map((value) => ({ type: "ip", value }) as const),
  ];
  return [
    new BasicConstraintsExtension(ca, undefined, true),
    new ExtendedKeyUsageExtension([...(usages ?? bothSides)]),
    ...(names.length > 0 ? [new SubjectAlternativeNameExtension(names)] : []),
  ];
}

function times({ fromS = -3_600, untilS = 3_600 }: CertificateContents): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Date.now() + fromS * 1_000), notAfter: new Date(Date.now() + untilS * 1_000) };
}

function nextSerial(): string {
  return (++serial).toString(16).padStart(4, "0");
}
