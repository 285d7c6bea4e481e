/**
 * The connection cannot do what another one can, and nothing was done. Either the pin was not allowed to become the vault's
 * role: when a vault is made while a connection reads which roles its login is a member of, it can go on without the newest
 * until there is another, and a new connection does not. Or a statement that the connection keeps is gone, or returns
 * something else by now.
 */
export class StaleConnectionError extends Error {
  override readonly name = "StaleConnectionError";
}

/** Whether an error is one that another connection may not meet, looking through wrappers. */
export function isStaleConnection(error: unknown): boolean {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if (at instanceof StaleConnectionError) return true;
  }
  return false;
}
