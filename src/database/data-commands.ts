const dataCommand = /^\s*(?:select|insert|update|delete|merge|with|values|table)\b/i;

/**
 * Whether a text is one of the commands that read or change rows, by its first word. Such a command cannot end the transaction that
 * it runs in, whatever the text goes on with: the extended protocol takes nothing behind it, and PostgreSQL refuses a COMMIT in
 * what a query calls (2D000), in each of its own languages. That is not so for DO and CALL, nor for a text that begins with a comment, of which nothing is
 * known here.
 */
export function isDataCommand(text: string): boolean {
  return dataCommand.test(text);
}
