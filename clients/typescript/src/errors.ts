// All errors of a call. No error contains or references a key.

/** The base class of all errors of a call. */
export class KeyledgerError extends Error {
  override get name(): string {
    return this.constructor.name;
  }
}

/**
 * No response arrived, after all retries that were safe.
 *
 * `mayHaveHappened`: whether the service may have carried out the request.
 */
export class Unreachable extends KeyledgerError {
  readonly reason: string;
  readonly mayHaveHappened: boolean;

  constructor(reason: string, mayHaveHappened: boolean) {
    const unknown = mayHaveHappened ? " It is not known whether the request was carried out." : "";
    super(`No response: ${reason}.${unknown}`);
    this.reason = reason;
    this.mayHaveHappened = mayHaveHappened;
  }
}

/** The response is not from this API, but from a proxy, another service or a much newer version. */
export class UnexpectedAnswer extends KeyledgerError {
  readonly status: number;

  constructor(status: number, reason: string) {
    super(`HTTP ${status}: ${reason}`);
    this.status = status;
  }
}

/** The content of a response that is read in pieces was cut off. What arrived of it is incomplete. */
export class IncompleteAnswer extends KeyledgerError {
  constructor(reason: string) {
    super(`The response is incomplete: ${reason}. Request it again.`);
  }
}

/**
 * The key was created or rotated, but the only response with its secret was lost. The secret is not stored.
 *
 * Normally the client rotates the key to get another secret. It throws this error if the caller chose the
 * Idempotency-Key, because another process may have received the first response. Rotate `keyId` with
 * `client.keys.rotate(error.keyId)`, or revoke it. `revision` is the revision in the lost response.
 */
export class SecretLost extends KeyledgerError {
  readonly keyId: string;
  readonly revision: number;

  constructor(keyId: string, revision = 0) {
    super(
      `${keyId} was created, but the response with its secret was lost, and the secret is shown only once.` +
        ` Rotate ${keyId} to get a new one, or revoke it.`,
    );
    this.keyId = keyId;
    this.revision = revision;
  }
}

export interface ApiErrorFields {
  /** One of the API's error codes. */
  readonly code: string;
  /** The HTTP status. */
  readonly status: number;
  readonly message: string;
  /** Further facts, such as the problem of each invalid field. */
  readonly details?: Record<string, unknown> | undefined;
  /** Quote it to the operator. */
  readonly requestId?: string | undefined;
  /** Retry-After in seconds, if present. */
  readonly retryAfter?: number | undefined;
}

/** An error response. */
export class ApiError extends KeyledgerError {
  /** One of the API's error codes. */
  readonly code: string;
  /** The HTTP status. */
  readonly status: number;
  /** Further facts, such as the problem of each invalid field. */
  readonly details: Record<string, unknown>;
  /** The id of the request. Quote it to the operator. */
  readonly requestId: string | undefined;
  /** Retry-After in seconds, if present. */
  readonly retryAfter: number | undefined;

  constructor(fields: ApiErrorFields) {
    super(fields.message);
    this.code = fields.code;
    this.status = fields.status;
    this.details = fields.details ?? {};
    this.requestId = fields.requestId;
    this.retryAfter = fields.retryAfter;
  }

  override toString(): string {
    const fields = Object.entries(this.details).map(([name, what]) => ` ${name}: ${written(what)}.`);
    const quoted = this.requestId === undefined ? "" : ` [${this.requestId}]`;
    return `${this.code} (${this.status}): ${this.message}${fields.join("")}${quoted}`;
  }
}

/** 401: the client's own key is missing, malformed, unknown, expired, revoked or disabled. */
export class Unauthorized extends ApiError {}

/** 403: the key may not do this. `details.required` names the missing grants, if any. */
export class Forbidden extends ApiError {}

/** 403: a limit of the plan is reached. `details` has `limit`, `used` and `plan`. */
export class LimitReached extends Forbidden {}

/** 404: the resource does not exist, or is not visible to the key. */
export class NotFound extends ApiError {}

/** 409: the state of the resource does not allow this. */
export class Conflict extends ApiError {}

/** 412: the resource changed since the revision in `ifMatch`. */
export class RevisionMismatch extends Conflict {}

/** 400, 405, 413, 415, 422: the request is invalid. `details` names the problems. */
export class InvalidRequest extends ApiError {}

/** 429: too many requests, or the quota of the month is used up. Retry after `retryAfter` seconds. */
export class RateLimited extends ApiError {}

/** 500: the service failed. Report `requestId` to the operator. */
export class InternalError extends ApiError {}

/** 502, 504: the MCP server returned no valid response. It may have carried out the request. */
export class McpFailed extends ApiError {}

/**
 * 503: the service cannot record requests now, so it accepts none.
 *
 * `details.outcome` is "not_recorded" (nothing was changed) or "unknown" (a change was sent but not confirmed, and
 * neither was any retry with its Idempotency-Key). If it is unknown, check whether the change was made.
 */
export class Unavailable extends ApiError {}

const BY_STATUS: ReadonlyMap<number, typeof ApiError> = new Map([
  [401, Unauthorized],
  [403, Forbidden],
  [404, NotFound],
  [409, Conflict],
  [412, RevisionMismatch],
  [429, RateLimited],
  [502, McpFailed],
  [503, Unavailable],
  [504, McpFailed],
]);

/** Return the class for a response. The status decides for codes that are newer than this client. */
export function errorClass(code: string, status: number): typeof ApiError {
  if (code.endsWith("_limit_reached")) return LimitReached;
  return BY_STATUS.get(status) ?? (status >= 500 ? InternalError : InvalidRequest);
}

function written(detail: unknown): string {
  return typeof detail === "string" ? detail : JSON.stringify(detail);
}
