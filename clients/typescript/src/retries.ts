// Retries of a call and the delay before each: full jitter, and never less than Retry-After.
//
// https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/

import type { Repeat } from "./call.js";
import type { ApiError } from "./errors.js";
import { RateLimited, Unavailable, Unreachable } from "./errors.js";

/** The longest time of a timer in JavaScript, which ends a longer one at once: 24 days. */
export const TIMER_SECONDS_MAX = (2 ** 31 - 1) / 1000;

export const PROXY_UNAVAILABLE = "proxy_unavailable";
const UNAVAILABLE = "unavailable";
const IN_FLIGHT = "idempotency_in_flight";

/** Codes of errors after which no request was sent: of the system's connect and getaddrinfo, and of undici. */
const NOT_SENT = new Set([
  "EAI_AGAIN",
  "ECONNREFUSED",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "ENETDOWN",
  "ENETUNREACH",
  "ENOTFOUND",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/**
 * Number and timing of the attempts of a call.
 *
 * `attempts`: the total; 1 disables retries. The n-th delay (from 0) is random between 0 and `firstSeconds * 2**n`, at
 * most `longestSeconds`, and is added to Retry-After. An error response whose Retry-After exceeds
 * `longestRetryAfterSeconds` is not retried.
 */
export interface Retries {
  readonly attempts?: number | undefined;
  readonly firstSeconds?: number | undefined;
  readonly longestSeconds?: number | undefined;
  readonly longestRetryAfterSeconds?: number | undefined;
}

export const NO_RETRIES: Retries = { attempts: 1 };

/** The attempts of one call. After each failure, returns the seconds to wait or the final error. */
export class Attempts {
  readonly #attempts: number;
  readonly #firstSeconds: number;
  readonly #longestSeconds: number;
  readonly #longestRetryAfterSeconds: number;
  readonly #repeat: Repeat;
  #made = 0;
  #mayHaveHappened = false;

  constructor(retries: Retries, repeat: Repeat) {
    this.#attempts = retries.attempts ?? 4;
    this.#firstSeconds = retries.firstSeconds ?? 0.2;
    this.#longestSeconds = retries.longestSeconds ?? 5;
    this.#longestRetryAfterSeconds = retries.longestRetryAfterSeconds ?? 30;
    this.#repeat = repeat;
  }

  get areLeft(): boolean {
    return this.#repeat !== "never" && this.#made < this.#attempts;
  }

  afterNoAnswer(error: unknown): number | Unreachable {
    this.#made += 1;
    const { code, message, isTransferring } = causeOf(error);
    const isSent = isTransferring || !NOT_SENT.has(code);
    this.#mayHaveHappened ||= isSent;
    if (this.areLeft && (!isSent || this.#isRepeatable)) return this.#pause(0);
    return new Unreachable(message.includes(code) ? message : `${code}: ${message}`, this.#mayHaveHappened);
  }

  afterRefusal(error: ApiError): number | ApiError {
    this.#made += 1;
    const after = error.retryAfter ?? 0;
    const longest = Math.min(this.#longestRetryAfterSeconds, TIMER_SECONDS_MAX);
    if (!this.areLeft || after > longest || !this.#isRetryable(error)) return error;
    return this.#pause(after);
  }

  #isRetryable(error: ApiError): boolean {
    if (error instanceof RateLimited) return true;
    if (error instanceof Unavailable) {
      return this.#isRepeatable || (error.code === UNAVAILABLE && this.#repeat === "when-refused");
    }
    return error.code === IN_FLIGHT;
  }

  get #isRepeatable(): boolean {
    return this.#repeat === "freely" || this.#repeat === "with-idempotency-key";
  }

  #pause(after: number): number {
    const longest = Math.min(this.#longestSeconds, this.#firstSeconds * 2 ** (this.#made - 1));
    return after + Math.random() * longest;
  }
}

/**
 * Return the code and the message of the failure, and whether it occurred while data was read or written. The error of
 * fetch in Node.js has it as its cause.
 */
function causeOf(error: unknown): { code: string; message: string; isTransferring: boolean } {
  const outer = error instanceof Error ? error : new Error(String(error));
  const cause = outer.cause instanceof Error ? outer.cause : outer;
  const code = "code" in cause && typeof cause.code === "string" ? cause.code : cause.name;
  const isTransferring = "syscall" in cause && (cause.syscall === "read" || cause.syscall === "write");
  return { code, message: cause.message || outer.message, isTransferring };
}
