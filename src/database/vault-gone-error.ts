/** The vault that a transaction was to be pinned to is there no more: its company was erased. */
export class VaultGoneError extends Error {
  override readonly name = "VaultGoneError";
}

/** Whether an error is a {@link VaultGoneError}, looking through wrappers. */
export function isVaultGone(error: unknown): boolean {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if (at instanceof VaultGoneError) return true;
  }
  return false;
}
