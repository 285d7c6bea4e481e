/** An export is not whole, or not what its manifest says. */
export class ExportBrokenError extends Error {
  override readonly name = "ExportBrokenError";
}
