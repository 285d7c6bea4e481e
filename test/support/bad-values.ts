/** Text that looks like a UUID, or does not, and is none. */
export const badUuids: readonly string[] = [
  "",
  "7",
  "not-a-uuid",
  `${crypto.randomUUID()} `,
  `{${crypto.randomUUID()}}`,
  "0".repeat(32),
  "' or 1=1 --",
];
