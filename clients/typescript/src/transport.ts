// Sending of a call, with its retries.

import type { Call } from "./call.js";
import type { Answer } from "./codec.js";
import { bodyOf, errorIn, headersOf, isObject, isResult, resultIn, targetOf, withSecrets } from "./codec.js";
import type { SecretLost } from "./errors.js";
import { ApiError, IncompleteAnswer } from "./errors.js";
import { replacement } from "./recovery.js";
import type { Retries } from "./retries.js";
import { Attempts, TIMER_SECONDS_MAX } from "./retries.js";
import { revealed } from "./secret.js";
import type { Secret } from "./secret.js";
import { VERSION } from "./version.js";

export interface Connection {
  /** The URL of the service, without a slash at its end. */
  readonly url: string;
  readonly key: Secret;
  readonly timeoutSeconds: number;
  readonly retries: Retries;
  readonly fetch: typeof fetch;
}

/** A response whose content is still to be read, and the clock of its request. */
interface Opened {
  readonly response: Response;
  readonly deadline: Deadline;
}

export class Sender {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async send<Result>(call: Call): Promise<Result> {
    const attempts = new Attempts(this.#connection.retries, call.repeat);
    const answer = await this.#attempted(call, attempts, (opened) => this.#readAnswer(opened));
    const result = resultIn(call, answer);
    const lost = call.recovery !== undefined && isObject(result) ? call.recovery.lossIn(result) : undefined;
    if (lost === undefined) return withSecrets(call, result) as Result;
    return this.#recovered(call, attempts, lost, result as Result);
  }

  /** Yield the content of the response as it arrives. Only a request that got no response is repeated. */
  async *stream(call: Call): AsyncGenerator<Uint8Array, void, undefined> {
    const attempts = new Attempts(this.#connection.retries, call.repeat);
    const { response, deadline } = await this.#attempted(call, attempts, async (opened) => opened);
    const reader = response.body?.getReader();
    try {
      for (;;) {
        deadline.start();
        const piece = await reader?.read().catch((error: unknown) => {
          call.options?.signal?.throwIfAborted();
          throw new IncompleteAnswer((deadline.error ?? (error as Error)).message);
        });
        if (piece?.value === undefined) return;
        deadline.stop(); // the caller may take any time for a piece
        yield piece.value;
      }
    } finally {
      deadline.end();
      await reader?.cancel().catch(() => undefined);
    }
  }

  /** Return the result that replaces a lost one. Throws `lost` if another process may have received the lost one. */
  async #recovered<Result>(call: Call, attempts: Attempts, lost: SecretLost, result: Result): Promise<Result> {
    const { recovery } = call;
    const isOurs = call.options?.idempotencyKey === undefined;
    if (recovery !== undefined && isOurs && recovery.times > 0 && attempts.areLeft) {
      return this.send(replacement(recovery, call, lost));
    }
    if (recovery?.isError || isOurs) throw lost;
    return result;
  }

  /** Return what `read` makes of the first response that is no error. */
  async #attempted<Read>(call: Call, attempts: Attempts, read: (opened: Opened) => Promise<Read>): Promise<Read> {
    const body = bodyOf(call);
    const headers = headersOf(call, body);
    for (;;) {
      const outcome = await this.#attempt(call, headers, body, read);
      if ("read" in outcome) return outcome.read;
      const { error } = outcome;
      const pause = error instanceof ApiError ? attempts.afterRefusal(error) : attempts.afterNoAnswer(error);
      if (typeof pause !== "number") throw pause;
      await slept(pause, call.options?.signal);
    }
  }

  /** Return what was read, or an error that may be retried. */
  async #attempt<Read>(
    call: Call,
    headers: Record<string, string>,
    body: string | undefined,
    read: (opened: Opened) => Promise<Read>,
  ): Promise<{ read: Read } | { error: unknown }> {
    const { url, timeoutSeconds } = this.#connection;
    const { signal } = call.options ?? {};
    const deadline = new Deadline(Math.max(timeoutSeconds, call.timeoutSeconds ?? 0), signal);
    const request: RequestInit = {
      method: call.method,
      headers: { ...headers, ...this.#ownHeaders() },
      redirect: "manual",
      signal: deadline.signal,
      ...(body === undefined ? {} : { body }),
    };
    let answer: Answer;
    try {
      const response = await this.#connection.fetch(`${url}${targetOf(call)}`, request);
      if (isResult(call, response.status)) return { read: await read({ response, deadline }) };
      answer = await this.#readAnswer({ response, deadline });
    } catch (error) {
      deadline.end();
      signal?.throwIfAborted();
      return { error: deadline.error ?? error };
    }
    const error = errorIn(answer);
    if (error instanceof ApiError) return { error };
    throw error;
  }

  /** Return the headers of every request. Redirects are not followed, so the key is sent only to the URL. */
  #ownHeaders(): Record<string, string> {
    const { key } = this.#connection;
    return { Authorization: `Bearer ${revealed(key)}`, "User-Agent": `keyledger-typescript/${VERSION}` };
  }

  async #readAnswer({ response, deadline }: Opened): Promise<Answer> {
    const text = await response.text();
    deadline.end();
    return { status: response.status, headers: response.headers, text };
  }
}

/** Ends a request after a time, or when the caller's signal does. */
class Deadline {
  readonly #controller = new AbortController();
  readonly #seconds: number;
  readonly #callers: AbortSignal | undefined;
  readonly #abort = (): void => this.#controller.abort();
  #timer: ReturnType<typeof setTimeout> | undefined;
  error: Error | undefined;

  constructor(seconds: number, callers: AbortSignal | undefined) {
    callers?.throwIfAborted();
    this.#seconds = Math.min(seconds, TIMER_SECONDS_MAX);
    this.#callers = callers;
    callers?.addEventListener("abort", this.#abort);
    this.start();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Start the time from the beginning. */
  start(): void {
    this.stop();
    this.#timer = setTimeout(() => {
      this.error = new TimedOut(`no response within ${this.#seconds} s`);
      this.#abort();
    }, this.#seconds * 1000);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  end(): void {
    this.stop();
    this.#callers?.removeEventListener("abort", this.#abort);
  }
}

class TimedOut extends Error {
  override readonly name = "Timeout";
}

/** Wait, unless the caller's signal ends the call before. */
async function slept(seconds: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve) => {
    const timer = setTimeout(finish, Math.min(seconds, TIMER_SECONDS_MAX) * 1000);
    signal?.addEventListener("abort", finish);

    function finish(): void {
      clearTimeout(timer);
      signal?.removeEventListener("abort", finish);
      resolve();
    }
  });
  signal?.throwIfAborted();
}
