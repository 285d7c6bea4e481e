import type { DescMethod, DescService } from "@bufbuild/protobuf";
import {
  type ConnectRouter,
  type ConnectRouterOptions,
  createConnectRouter,
  createMethodImplSpec,
  createServiceImplSpec,
  type MethodImpl,
  type MethodImplSpec,
  type ServiceImpl,
} from "@connectrpc/connect";

/** A unary method's implementation, as Connect keeps it. */
export type UnarySpec = Extract<MethodImplSpec, { readonly kind: "unary" }>;

/** A unary method as it was registered on a router. */
export interface UnaryMethod {
  readonly spec: UnarySpec;
  /** The options that the router serves it with. */
  readonly options: Partial<ConnectRouterOptions>;
}

/**
 * Makes a router of Connect that tells of every unary method which is registered on it: its handlers hide
 * the implementations, and the lean path calls them itself.
 */
export function createTellingRouter(
  options: Partial<ConnectRouterOptions>,
  tell: (method: UnaryMethod) => void,
): ConnectRouter {
  const router = createConnectRouter(options);
  const tellOf = (spec: MethodImplSpec, own: Partial<ConnectRouterOptions> = {}) => {
    if (spec.kind === "unary") tell({ spec, options: { ...options, ...own } });
  };
  const telling: ConnectRouter = {
    handlers: router.handlers,
    service<T extends DescService>(service: T, impl: Partial<ServiceImpl<T>>, own?: Partial<ConnectRouterOptions>) {
      router.service(service, impl, own);
      for (const spec of Object.values(createServiceImplSpec(service, impl).methods)) tellOf(spec, own);
      return telling;
    },
    rpc<M extends DescMethod>(method: M, impl: MethodImpl<M>, own?: Partial<ConnectRouterOptions>) {
      router.rpc(method, impl, own);
      tellOf(createMethodImplSpec(method, impl), own);
      return telling;
    },
  };
  return telling;
}
