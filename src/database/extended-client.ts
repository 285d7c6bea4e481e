import pg from "pg";

/**
 * A `pg` client that sends every query by the extended protocol, which takes one statement a
 * message: text with a second statement in it is refused by the server (42601), whoever wrote it.
 */
export class ExtendedClient extends pg.Client {
  // pg declares eight overloads; they all come down to these three shapes of the first argument.
  override query(config: unknown, ...rest: unknown[]): never {
    const query = super.query as unknown as (this: this, config: unknown, ...rest: unknown[]) => never;
    if (typeof config === "string") {
      const [values, ...others] = Array.isArray(rest[0]) ? rest : [undefined, ...rest];
      return query.call(this, { text: config, values, queryMode: "extended" }, ...others);
    }
    // Cursors and streams speak the extended protocol themselves.
    if (typeof config === "object" && config !== null && "submit" in config) return query.call(this, config, ...rest);
    return query.call(this, { ...(config as object), queryMode: "extended" }, ...rest);
  }
}
