import type { DescService, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { TenantSession } from "./session.ts";

/**
 * The handlers of a service that works on one tenant's data: each turns a valid request and a session
 * pinned to the tenant into a response. They know nothing of the transport or of the caller.
 */
export type TenantHandlers<S extends DescService, M extends keyof S["method"] = keyof S["method"]> = {
  [K in M]: (
    request: MessageShape<S["method"][K]["input"]>,
    session: TenantSession,
  ) => Promise<MessageInitShape<S["method"][K]["output"]>>;
};
