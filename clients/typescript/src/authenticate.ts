// Admission of a request: the common part of the two kinds of middleware.
//
// Every request is verified; nothing is cached. Without a definite yes the request is refused, with 503 if the service
// does not respond.

import { canonicalAddress } from "./address.js";
import type { Keyledger, Verification } from "./client.js";
import { ApiError, KeyledgerError } from "./errors.js";
import type { HeaderPairs } from "./presented_key.js";
import { presentedKey } from "./presented_key.js";
import { Secret } from "./secret.js";

/** A client, of which only `verify` is used. */
export type Verifier = Pick<Keyledger, "verify">;

/** Options of the middleware for requests of the type `R`, with further arguments `Rest` of a handler. */
export interface RequiredAccess<R, Rest extends unknown[] = []> {
  /**
   * The id of the MCP server that the key must reach, or a function of the request, which returns null for a request
   * without this requirement. Anything else, such as a variable that is not set, is a TypeError.
   */
  readonly mcpId?: OfRequest<R, Rest>;
  /** The tool of this MCP server that the key must be permitted to call, as `mcpId`. */
  readonly tool?: OfRequest<R, Rest>;
  /**
   * Returns the caller's address, with which `allowed_ips` of a key are compared. Behind a proxy it must know which
   * proxies to trust.
   */
  readonly address?: ((request: R, ...rest: Rest) => string | null | undefined) | undefined;
  /** Is told why a key could not be verified. By default, the reason is written to the console as a warning. */
  readonly onFailure?: ReportFailure | undefined;
  /**
   * True: keys that were imported with the secret of another system are accepted too. Then any credential in a request
   * without a well-formed key is sent to the service, because only the service can recognize such a secret.
   */
  readonly acceptImported?: boolean | undefined;
}

/** Is told why a key could not be verified. */
export type ReportFailure = (error: KeyledgerError) => void | Promise<void>;

type OfRequest<R, Rest extends unknown[]> = string | ((request: R, ...rest: Rest) => string | null);
type Requirement = "mcpId" | "tool";

/** What was asked about a request. */
export interface Asked {
  readonly headers: HeaderPairs;
  readonly address: string | null | undefined;
  readonly mcpId: string | null;
  readonly tool: string | null;
  readonly onFailure: ReportFailure | undefined;
  readonly acceptImported: boolean | undefined;
}

/**
 * The response to a refused request: 401, 403, 429 or 503. `body` has problem details (RFC 9457), in the form of
 * Keyledger's own errors.
 */
export class Denial {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;

  constructor(status: number, headers: Record<string, string>, body: string) {
    this.status = status;
    this.headers = headers;
    this.body = body;
  }
}

const KEY_MESSAGES = new Map([
  ["unauthorized", "The request contains no valid API key."],
  ["expired_key", "This key has expired."],
  ["revoked_key", "This key has been revoked, or this secret was replaced by a rotation."],
  ["disabled_key", "This key is disabled."],
]);
const QUOTA = "quota_exceeded";
const RATE_MESSAGES = new Map([
  ["rate_limited", "Too many requests."],
  [QUOTA, "The plan's requests for this month are used up."],
]);
const REALM = 'Bearer realm="keyledger"';
const RETRY_SECONDS = 1;
const USER_AGENT_LENGTH_MAX = 1_000;

const verifications = new WeakMap<object, Verification>();

/** Return the decision on a request that the middleware admitted. Throws an error if the middleware did not see it. */
export function verificationOf(request: object): Verification {
  const verification = verifications.get(request);
  if (verification === undefined) throw new TypeError("This request was not verified. Add requiresKey to its route.");
  return verification;
}

/** Store the decision for `verificationOf`. */
export function remember(request: object, verification: Verification): void {
  verifications.set(request, verification);
}

/** Throw a TypeError for a requirement that was given without a value: every key would meet it. */
export function assertComplete<R, Rest extends unknown[]>(access: RequiredAccess<R, Rest>): void {
  for (const name of ["mcpId", "tool"] as const) {
    if (name in access && typeof access[name] !== "function") assertText(name, access[name]);
  }
}

/** Return a requirement for this request, or null if there is none. */
export function required<R, Rest extends unknown[]>(
  access: RequiredAccess<R, Rest>,
  name: Requirement,
  request: R,
  rest: Rest,
): string | null {
  if (!(name in access)) return null;
  const given = access[name];
  const value: unknown = typeof given === "function" ? given(request, ...rest) : given;
  return value === null && typeof given === "function" ? null : assertText(name, value);
}

/** Return the value of a requirement, or throw a TypeError if it is not a text. */
export function assertText(name: Requirement, value: unknown): string {
  if (typeof value === "string" && value !== "") return value;
  throw new TypeError(`${name} must be a text, not ${value === "" ? "empty" : String(value)}. Is a variable not set?`);
}

/** Return the decision on the key in the headers (`Authorization: Bearer …` or `X-API-Key`). */
export async function admit(client: Verifier, asked: Asked): Promise<Verification | Denial> {
  const key = presentedKey(asked.headers, asked.acceptImported ?? false);
  if (!(key instanceof Secret)) return unauthorized("unauthorized", key.credentialSent, key.message);
  const agent = asked.headers.findLast(([name]) => name.toLowerCase() === "user-agent")?.[1];
  const question = {
    mcp_id: asked.mcpId ?? undefined,
    tool: asked.tool ?? undefined,
    ip: canonicalAddress(asked.address),
    user_agent: agent?.slice(0, USER_AGENT_LENGTH_MAX) || undefined,
  };
  try {
    const verification = await client.verify(key, question);
    return verification.valid ? verification : denied(verification.code);
  } catch (error) {
    if (!(error instanceof KeyledgerError)) throw error;
    // Reported even if the service refused the client's own key, because the caller can do nothing about that.
    void reported(asked.onFailure ?? warn, error);
    return unavailable((error instanceof ApiError && error.retryAfter) || RETRY_SECONDS);
  }
}

/** Report the error. The response does not wait for it, and a report that fails is a warning. */
async function reported(report: ReportFailure, error: KeyledgerError): Promise<void> {
  try {
    await report(error);
  } catch {
    warn(error);
  }
}

function denied(code: string): Denial {
  if (KEY_MESSAGES.has(code)) return unauthorized(code, true);
  const limited = RATE_MESSAGES.get(code);
  if (limited !== undefined) {
    const seconds = code === QUOTA ? untilNextMonth(new Date()) : RETRY_SECONDS;
    return denial(429, code, "Too many requests", limited, { "Retry-After": String(seconds) });
  }
  return denial(403, code, "Forbidden", "This key is not allowed to do this.", {});
}

/** Return the seconds until the monthly count restarts from zero, at the start of the next month in UTC. */
function untilNextMonth(at: Date): number {
  const following = Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 1);
  return Math.max(1, Math.ceil((following - at.getTime()) / 1000));
}

function unauthorized(code: string, credentialSent: boolean, message?: string): Denial {
  const challenge = credentialSent ? `${REALM}, error="invalid_token"` : REALM;
  const general = KEY_MESSAGES.get(code) ?? "";
  return denial(401, code, "Unauthorized", message ?? general, { "WWW-Authenticate": challenge });
}

function unavailable(retryAfter: number): Denial {
  const headers = { "Retry-After": String(Math.ceil(retryAfter)) };
  return denial(503, "unavailable", "Unavailable", "Keys cannot be verified now.", headers);
}

function denial(status: number, code: string, title: string, message: string, headers: Record<string, string>): Denial {
  const problem = {
    type: `urn:keyledger:problem:${code}`,
    title,
    status,
    detail: message,
    success: false,
    error: { code, message },
  };
  const common = { "Content-Type": "application/problem+json", "Cache-Control": "no-store" };
  return new Denial(status, { ...common, ...headers }, JSON.stringify(problem));
}

function warn(error: KeyledgerError): void {
  console.warn(`keyledger_verify_failed: ${error.toString()}`);
}
