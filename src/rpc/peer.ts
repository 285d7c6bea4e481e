import type { X509Certificate } from "node:crypto";
import { TLSSocket } from "node:tls";
import { createContextKey } from "@connectrpc/connect";
import type { Credentials, PeerCertificate } from "../identity/principal.ts";

/** Where a call's adapter leaves what the call brings to prove who makes it, for the gate. */
export const credentialsKey = createContextKey<Credentials | undefined>(undefined, {
  description: "wellvault credentials",
});

/** What is known of a connection's other side; it does not change while the connection lives. */
const peers = new WeakMap<object, PeerCertificate | undefined>();

/**
 * Returns what a request brings to prove who makes it, or undefined when its connection is gone.
 *
 * @param socket the connection, as the request or the session of its stream has it
 * @param rawHeaders names and values by turns, as they came
 */
export function credentialsOf(socket: object | undefined, rawHeaders: readonly string[]): Credentials | undefined {
  if (!socket) return undefined;
  return { rawHeaders, peer: peerOf(socket) };
}

function peerOf(socket: object): PeerCertificate | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  if (peers.has(socket)) return peers.get(socket);
  const certificate: X509Certificate | undefined = socket.getPeerX509Certificate();
  const peer = certificate && { certificate, trusted: socket.authorized };
  peers.set(socket, peer);
  return peer;
}
