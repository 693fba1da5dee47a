// Encoding of calls as requests and decoding of responses.

import type { Call } from "./call.js";
import type { ApiErrorFields } from "./errors.js";
import { ApiError, errorClass, RateLimited, Unavailable, UnexpectedAnswer } from "./errors.js";
import { instantOf } from "./http_date.js";
import { PROXY_UNAVAILABLE } from "./retries.js";
import { Secret } from "./secret.js";

const TOO_MANY = 429;
const NOT_NOW = 503;
/** The longest Retry-After, thirty years. A number with hundreds of digits would become infinite. */
const SECONDS_MAX = 1e9;

/** What was received, with its whole content. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Return path and query. */
export function targetOf(call: Call): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(call.query ?? {})) {
    if (value !== undefined && value !== null) {
      query.set(name, value instanceof Date ? value.toISOString() : String(value));
    }
  }
  return query.size > 0 ? `${call.path}?${query}` : call.path;
}

/** Return the body as JSON, with its secrets, which JSON.stringify alone would not show. */
export function bodyOf(call: Call): string | undefined {
  if (call.body === undefined) return undefined;
  return JSON.stringify(call.body, function (this: Record<string, unknown>, name: string, value: unknown) {
    const given = this[name];
    return given instanceof Secret ? given.reveal() : value;
  });
}

/** Return the headers of all attempts of a call, which therefore send the same Idempotency-Key. */
export function headersOf(call: Call, body: string | undefined): Record<string, string> {
  const headers: Record<string, string> = {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const chosen = call.options?.idempotencyKey;
  if (chosen !== undefined) headers["Idempotency-Key"] = printable(chosen);
  else if (call.repeat === "with-idempotency-key") headers["Idempotency-Key"] = crypto.randomUUID();
  if (call.options?.ifMatch !== undefined) headers["If-Match"] = `"${call.options.ifMatch}"`;
  return headers;
}

/** Return whether the response has the requested result. */
export function isResult(call: Call, status: number): boolean {
  return (status >= 200 && status < 300) || (call.answers ?? []).includes(status);
}

/** Return the error in a response without a result. */
export function errorIn(answer: Answer): ApiError | UnexpectedAnswer {
  const retryAfter = secondsOf(answer.headers.get("retry-after"), answer.headers.get("date"));
  const problem = parsed(answer.text);
  const error = isObject(problem) ? problem["error"] : undefined;
  if (!isObject(error) || typeof error["code"] !== "string" || typeof error["message"] !== "string") {
    return proxyError(answer, retryAfter);
  }
  const fields: ApiErrorFields = {
    code: error["code"],
    status: answer.status,
    message: error["message"],
    details: isObject(error["details"]) ? error["details"] : undefined,
    requestId: typeof error["request_id"] === "string" ? error["request_id"] : undefined,
    retryAfter,
  };
  return new (errorClass(fields.code, fields.status))(fields);
}

/** Return the result: an object, an array, or a page. Only its kind is checked, not its fields. */
export function resultIn(call: Call, answer: Answer): unknown {
  const content = parsed(answer.text);
  if (content === undefined) {
    throw new UnexpectedAnswer(answer.status, "the response cannot be decoded: it is not JSON");
  }
  const data = isObject(content) ? content["data"] : undefined;
  const isExpected = call.content === "object" ? isObject(data) : Array.isArray(data);
  const pagination = isObject(content) ? content["pagination"] : undefined;
  if (!isExpected || (call.content === "page" && !isObject(pagination))) {
    throw new UnexpectedAnswer(answer.status, "the response cannot be decoded: it has another form");
  }
  return call.content === "page" ? { data, pagination } : data;
}

/** Return the result with its secrets protected from accidental display. */
export function withSecrets(call: Call, result: unknown): unknown {
  if (!isObject(result)) return result;
  const found = (call.secrets ?? []).flatMap((name) => {
    const text = result[name];
    return typeof text === "string" ? [[name, new Secret(text)]] : [];
  });
  return { ...result, ...Object.fromEntries(found) };
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Return the error for a proxy's own response, which has a status and no code. */
function proxyError(answer: Answer, retryAfter: number | undefined): ApiError | UnexpectedAnswer {
  const { status } = answer;
  const fields = { status, requestId: answer.headers.get("x-request-id") ?? undefined, retryAfter };
  if (status === NOT_NOW) {
    return new Unavailable({ ...fields, code: PROXY_UNAVAILABLE, message: "A proxy cannot reach the service." });
  }
  if (status === TOO_MANY) {
    return new RateLimited({ ...fields, code: "rate_limited", message: "A proxy limits the rate." });
  }
  return new UnexpectedAnswer(status, "the response is not an error of this API; check the URL");
}

/**
 * Return Retry-After in seconds. The API sends seconds; a proxy may send a date (RFC 9110 §10.2.3).
 *
 * A date is compared with the date of the response, so that a wrong local clock does not matter.
 */
function secondsOf(retryAfter: string | null, date: string | null): number | undefined {
  const text = (retryAfter ?? "").trim();
  if (/^[0-9]+$/.test(text)) return Math.min(Number(text), SECONDS_MAX);
  const until = instantOf(text);
  return until === undefined ? undefined : Math.max(0, (until - (instantOf(date) ?? Date.now())) / 1000);
}

/** Return the JSON value, or undefined if the text is not JSON. The error of JSON.parse would quote the text. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function printable(idempotencyKey: string): string {
  if (/^[\x20-\x7e]{1,255}$/.test(idempotencyKey)) return idempotencyKey;
  throw new TypeError("An idempotencyKey has 1 to 255 printable ASCII characters. Choose another one.");
}
