// Middleware for Express and for every other framework with the requests and responses of Node.js.

import type { RequiredAccess, Verifier } from "./authenticate.js";
import { admit, assertComplete, Denial, remember, required } from "./authenticate.js";
import type { HeaderPairs } from "./presented_key.js";

export type { ReportFailure, RequiredAccess, Verifier } from "./authenticate.js";
export { verificationOf } from "./authenticate.js";

/** What the middleware reads of a request. `ip` is the address that Express determines. */
export interface NodeRequest {
  readonly rawHeaders: readonly string[];
  readonly ip?: string | undefined;
  readonly socket: { readonly remoteAddress?: string | undefined };
}

/** What the middleware needs to refuse a request. */
export interface NodeResponse {
  statusCode: number;
  setHeader(name: string, value: string): unknown;
  end(body: string): unknown;
}

/**
 * Return a middleware that admits only requests with a permitted key. `verificationOf(request)` then returns the
 * decision.
 *
 * Nothing is cached: a revoked key is refused from the next request on. If a key cannot be verified, the request is
 * refused with 503. The address of the caller is `request.ip`, for which Express has the setting "trust proxy".
 */
export function requiresKey<R extends NodeRequest>(
  client: Verifier,
  access: RequiredAccess<R> = {},
): (request: R, response: NodeResponse, next: (error?: unknown) => void) => void {
  assertComplete(access);
  const address = access.address ?? ((request: R) => request.ip ?? request.socket.remoteAddress);

  async function check(request: R, response: NodeResponse): Promise<boolean> {
    const decided = await admit(client, {
      headers: pairs(request.rawHeaders),
      address: address(request),
      mcpId: required(access, "mcpId", request, []),
      tool: required(access, "tool", request, []),
      onFailure: access.onFailure,
      acceptImported: access.acceptImported,
    });
    if (!(decided instanceof Denial)) {
      remember(request, decided);
      return true;
    }
    response.statusCode = decided.status;
    for (const [name, value] of Object.entries(decided.headers)) response.setHeader(name, value);
    response.end(decided.body);
    return false;
  }

  return (request, response, next) => {
    // The second function is for errors of `check` alone: those of the following handlers are not its own.
    check(request, response).then(
      (isAdmitted) => (isAdmitted ? next() : undefined),
      (error: unknown) => next(error),
    );
  };
}

function pairs(raw: readonly string[]): HeaderPairs {
  return raw.flatMap((name, index) => (index % 2 === 0 ? [[name, raw[index + 1] ?? ""] as const] : []));
}
