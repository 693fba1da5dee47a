// Middleware for web-standard requests and responses: Hono, Next.js, Deno, Bun, workers.

import type { RequiredAccess, Verifier } from "./authenticate.js";
import { admit, assertComplete, assertText, Denial, remember, required } from "./authenticate.js";
import type { Verification } from "./client.js";

export type { ReportFailure, RequiredAccess, Verifier } from "./authenticate.js";
export { verificationOf } from "./authenticate.js";

/** Options of `checkRequest`: values for one request. `null` is no requirement, `undefined` a TypeError. */
export interface Access extends Pick<RequiredAccess<Request>, "onFailure" | "acceptImported"> {
  readonly mcpId?: string | null;
  readonly tool?: string | null;
  /** The caller's address, with which `allowed_ips` of a key are compared. */
  readonly address?: string | null | undefined;
}

/**
 * Return a handler that calls `handler` only for requests with a permitted key, and otherwise refuses them.
 *
 * The handler may have further arguments, such as the context of Next.js. `verificationOf(request)` returns the
 * decision. Nothing is cached: a revoked key is refused from the next request on. If a key cannot be verified, the
 * request is refused with 503. A web-standard request does not contain the caller's address: pass `address`, or keys
 * with `allowed_ips` are refused.
 */
export function requiresKey<R extends Request, Rest extends unknown[]>(
  client: Verifier,
  handler: (request: R, ...rest: Rest) => Response | Promise<Response>,
  access: RequiredAccess<R, Rest> = {},
): (request: R, ...rest: Rest) => Promise<Response> {
  assertComplete(access);
  return async (request, ...rest) => {
    const checked = await checkRequest(client, request, {
      mcpId: required(access, "mcpId", request, rest),
      tool: required(access, "tool", request, rest),
      address: access.address?.(request, ...rest),
      onFailure: access.onFailure,
      acceptImported: access.acceptImported,
    });
    return checked instanceof Response ? checked : handler(request, ...rest);
  };
}

/** Return the decision that admits the request, or the response that refuses it: return this response to the caller. */
export async function checkRequest(
  client: Verifier,
  request: Request,
  access: Access = {},
): Promise<Verification | Response> {
  const decided = await admit(client, {
    headers: [...request.headers],
    address: access.address,
    mcpId: requirementOf(access, "mcpId"),
    tool: requirementOf(access, "tool"),
    onFailure: access.onFailure,
    acceptImported: access.acceptImported,
  });
  if (decided instanceof Denial) return responseOf(decided);
  remember(request, decided);
  return decided;
}

/** Return a requirement, or null if there is none. Throws a TypeError if it was given without a value. */
function requirementOf(access: Access, name: "mcpId" | "tool"): string | null {
  return !(name in access) || access[name] === null ? null : assertText(name, access[name]);
}

function responseOf({ status, headers, body }: Denial): Response {
  return new Response(body, { status, headers });
}
