import pg from "pg";
import { expect, test } from "vitest";
import { ConfigError } from "../../src/config.ts";
import { loginUrl } from "../../src/database/logins.ts";
import { toWellvaultError } from "../../src/database/sqlstate.ts";
import { ErrorReason } from "../../src/gen/wellvault/v1/error_reason_pb.ts";

test("user and password among the parameters do not lead the logins to the migrating role", () => {
  const url = new URL(
    loginUrl("postgresql://host/db?user=postgres&password=pw&sslmode=disable", "wellvault_app", undefined),
  );
  expect(url.username).toBe("wellvault_app");
  expect([...url.searchParams.keys()]).toEqual(["sslmode"]);
  expect(loginUrl("postgresql://host/db?user=u&password=pw", "wellvault_app", undefined)).toBe(
    loginUrl("postgresql://u:pw@host/db", "wellvault_app", undefined),
  );
});

test("each login has a password of its own, and each secret others", () => {
  const base = "postgresql://u:pw@host/db";
  const passwords = [
    loginUrl(base, "wellvault_app", undefined),
    loginUrl(base, "wellvault_control", undefined),
    loginUrl(base, "wellvault_app", "other"),
  ].map((url) => new URL(url).password);
  expect(new Set(passwords).size).toBe(3);
});

test("without a secret it is a setting that is wrong, and the message names it", () => {
  const read = () => loginUrl("postgresql://u@host/db", "wellvault_app", undefined);
  expect(read).toThrow(ConfigError);
  expect(read).toThrow(/WELLVAULT_LOGIN_SECRET/);
});

test.each([
  ["28P01", "password authentication failed"],
  ["28000", "role is not permitted to log in"],
  ["3D000", "database does not exist"],
  ["55000", 'database "x" is not currently accepting connections'],
])("a login that is let in no more (%s) is a database that cannot be reached, not a defect", (code, message) => {
  const error = Object.assign(new pg.DatabaseError(message, 2, "error"), { code });
  expect(toWellvaultError(error)?.reason).toBe(ErrorReason.DATABASE_UNAVAILABLE);
});
