import { type CallOptions, type Client, Code, ConnectError } from "@connectrpc/connect";
import { LRUCache } from "lru-cache";
import { EmployeeState } from "../gen/wellvault/v1/employee_pb.ts";
import type { EmployeeService } from "../gen/wellvault/v1/employee_service_pb.ts";
import { ErrorReason } from "../gen/wellvault/v1/error_reason_pb.ts";
import { reasonOf } from "./error-reason.ts";

/** A person of a file as the tenant knows it: an employee, or why nothing can be kept. */
export type FoundPerson = { readonly employeeId: string } | { readonly problem: string };

const unknown = { problem: "is no employee of the tenant" };
const offboarded = { problem: "has left, and nothing new is kept" };

/** People that are remembered: as many as a tenant may have employees. */
const maxRemembered = 20_000;

/** Finds the employees that people of a file are, asking for each of them once. */
export class People {
  readonly #found = new LRUCache<string, FoundPerson>({ max: maxRemembered });
  readonly #client: Client<typeof EmployeeService>;
  readonly #options: CallOptions;

  constructor(client: Client<typeof EmployeeService>, options: CallOptions) {
    this.#client = client;
    this.#options = options;
  }

  /**
   * Finds a person.
   *
   * @throws ConnectError when the service cannot say
   */
  async find(externalId: string): Promise<FoundPerson> {
    const known = this.#found.get(externalId);
    if (known) return known;
    const found = await this.#ask(externalId);
    this.#found.set(externalId, found);
    return found;
  }

  /**
   * Says why nothing can be kept of somebody who was found before, when that is what a call failed of: the person may
   * have left meanwhile. Undefined when the failure is about something else.
   */
  lost(externalId: string, error: unknown): string | undefined {
    const lost = lostBy(error);
    if (!lost) return undefined;
    this.#found.set(externalId, lost);
    return lost.problem;
  }

  async #ask(externalId: string): Promise<FoundPerson> {
    try {
      const request = { key: { case: "externalId", value: externalId } } as const;
      const { employee } = await this.#client.getEmployee(request, this.#options);
      if (!employee) return unknown;
      return employee.state === EmployeeState.OFFBOARDED ? offboarded : { employeeId: employee.employeeId };
    } catch (error) {
      // An id that cannot be anybody's is nobody's.
      if (error instanceof ConnectError && error.code === Code.InvalidArgument) return unknown;
      const lost = lostBy(error);
      if (!lost) throw error;
      return lost;
    }
  }
}

/** What an error says of the person that a call was about, if anything. */
function lostBy(error: unknown): { readonly problem: string } | undefined {
  if (!(error instanceof ConnectError)) return undefined;
  const reason = reasonOf(error);
  if (reason === ErrorReason.RESOURCE_NOT_FOUND) return unknown;
  return reason === ErrorReason.EMPLOYEE_OFFBOARDED ? offboarded : undefined;
}
