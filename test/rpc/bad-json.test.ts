import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestService, type TestService } from "../support/service.ts";

let service: TestService;
let tenantId: string;
beforeAll(async () => {
  service = await startTestService();
  tenantId = await service.provision();
});
afterAll(() => service.close());

async function call(method: string, role: string, body: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`${service.address}/wellvault.v1.${method}`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-role": role, "x-tenant-id": tenantId },
    body,
  });
  return { status: response.status, text: await response.text() };
}

test.each([
  ["page_size", '{"pageSize": 99999999999}'],
  ["page_size", '{"pageSize": "many"}'],
  ["page_token", '{"pageToken": 7}'],
])(
  "JSON of the wrong type or beyond its range names the field %s and does not repeat the value",
  async (field, body) => {
    const { status, text } = await call("EmployeeService/ListEmployees", "company_admin", body);
    expect(status).toBe(400);
    expect(JSON.parse(text)).toMatchObject({
      code: "invalid_argument",
      message: expect.stringContaining(`.${field}: must be of the type`),
      details: [{ debug: { reason: "REQUEST_MALFORMED" } }, { debug: { fieldViolations: [{ field }] } }],
    });
    expect(text).not.toMatch(/99999999999|many/);
  },
);

test.each(["", "{", "[]", "null", '"x"', "{]"])(
  "a body that is no JSON object (%s) is told to be one",
  async (body) => {
    const { status, text } = await call("EmployeeService/ListEmployees", "company_admin", body);
    expect({ status, text }).toMatchObject({
      status: 400,
      text: expect.stringContaining("must be a valid JSON object"),
    });
  },
);
