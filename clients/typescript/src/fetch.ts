// Middleware for web-standard requests and responses: Hono, Next.js, Deno, Bun, workers.

import type { Denial, RequiredAccess, Verifier } from "./authenticate.js";
import { admit, isDenial, remember, resolved } from "./authenticate.js";
import type { Verification } from "./client.js";

export type { RequiredAccess, Verifier } from "./authenticate.js";
export { verificationOf } from "./authenticate.js";

/** Options of `checkRequest`: values for one request. */
export interface Access extends Pick<RequiredAccess<Request>, "onFailure"> {
  readonly mcpId?: string | null | undefined;
  readonly tool?: string | null | undefined;
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
  return async (request, ...rest) => {
    const checked = await checkRequest(client, request, {
      mcpId: resolved(access.mcpId, request, rest),
      tool: resolved(access.tool, request, rest),
      address: access.address?.(request, ...rest),
      onFailure: access.onFailure,
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
  const { address, mcpId, tool, onFailure } = access;
  const decided = await admit(client, { headers: [...request.headers], address, mcpId, tool, onFailure });
  if (isDenial(decided)) return responseOf(decided);
  remember(request, decided);
  return decided;
}

function responseOf({ status, headers, body }: Denial): Response {
  return new Response(body, { status, headers });
}
