// The client: verification of keys, and all generated methods.

import type { CallOptions } from "./call.js";
import { isObject } from "./codec.js";
import { UnexpectedAnswer } from "./errors.js";
import type { VerifyKeyBody, VerifyResponse } from "./generated.js";
import { GeneratedClient } from "./generated.js";
import type { Retries } from "./retries.js";
import { isWellFormed, mayBeImported, revealed, Secret } from "./secret.js";
import { Sender } from "./transport.js";

/** The decision about a key. `valid` is false for a refused key, and `code` is the reason. */
export type Verification = VerifyResponse;

/** What the key is to be used for, and by whom. `tool` needs `mcp_id`. */
export type Question = Omit<VerifyKeyBody, "key">;

export interface ClientOptions {
  /** The time for a response, in seconds; by default 10. Some calls take longer, and get more. */
  readonly timeoutSeconds?: number | undefined;
  readonly retries?: Retries | undefined;
  /** The function that sends requests, instead of the global `fetch`. */
  readonly fetch?: typeof fetch | undefined;
}

const TIMEOUT_SECONDS = 10;
const OK = 200;

/** A client of the service at `url` that authenticates with `key`. It may be used concurrently. */
export class Keyledger extends GeneratedClient {
  readonly #url: string;

  /** `url` and `key` may come from variables of the environment: a missing one is reported. */
  constructor(url: string | undefined, key: string | Secret | undefined, options: ClientOptions = {}) {
    const base = checkedUrl(url);
    const connection = {
      url: base,
      key: checkedKey(key),
      timeoutSeconds: options.timeoutSeconds ?? TIMEOUT_SECONDS,
      retries: options.retries ?? {},
      fetch: options.fetch ?? ((...request) => fetch(...request)),
    };
    super(new Sender(connection));
    this.#url = base;
  }

  /**
   * Return whether `key` may do this now. A refused key is a result (`valid` false).
   *
   * A text that can be neither a key nor the secret of an imported key is not sent: its result is `unauthorized`. The
   * call is retried if no response arrived: it changes nothing, and each attempt makes a new decision. If the first
   * attempt was recorded and only its response was lost, the log contains a second use.
   */
  async verify(key: string | Secret, question: Question = {}, options?: CallOptions): Promise<Verification> {
    if (!isWellFormed(key) && !mayBeImported(revealed(key))) return { valid: false, code: "unauthorized" };
    const answer: unknown = await this.verifyKey({ ...question, key: revealed(key) }, options);
    if (isDecision(answer)) return answer;
    throw new UnexpectedAnswer(OK, "the response cannot be decoded: it is not a decision about a key");
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return `Keyledger(${this.#url})`;
  }
}

/** A response without a clear decision must not admit a request, so its form is checked. */
function isDecision(answer: unknown): answer is Verification {
  return isObject(answer) && typeof answer["code"] === "string" && typeof answer["valid"] === "boolean";
}

function checkedUrl(text: string | undefined): string {
  const url = URL.canParse(text ?? "") ? new URL(text ?? "") : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol) || url.username || url.password) {
    throw new TypeError("The URL of the service is missing or invalid. Pass one such as https://keys.example.com.");
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}

/** Return the key. Otherwise fetch would refuse an impossible one with a message that quotes it. */
function checkedKey(key: string | Secret | undefined): Secret {
  const text = revealed(key ?? "");
  if (text === "") throw new TypeError("The key is missing. Pass a management key.");
  if (!/^[\x21-\x7e]+$/.test(text)) {
    throw new TypeError("The key contains characters that a key cannot contain. Check how it was copied.");
  }
  return new Secret(text);
}
