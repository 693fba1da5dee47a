// A call as a value: its request, the rules for its retries, and the kind of its response.

import type { Pagination } from "./generated.js";
import type { Recovery } from "./recovery.js";

/**
 * When the client may retry a call automatically.
 *
 * `freely`: a second request has no further effect. `with-idempotency-key`: a second request has no further effect,
 * because every attempt sends the same Idempotency-Key. `when-refused`: after a 503, which means that no server was
 * called, or if the request was never sent; not after a lost response.
 */
export type Repeat = "freely" | "with-idempotency-key" | "when-refused" | "never";

/** The kind of the data in a response. `page` is an array with its pagination. */
export type Content = "object" | "array" | "page";

/** Options of every call. */
export interface CallOptions {
  /** Ends the call, and its retries, with the reason of the signal. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of a call that can be repeated without a second effect. */
export interface IdempotentOptions extends CallOptions {
  /** 1 to 255 printable ASCII characters. By default the client creates one for each call. */
  readonly idempotencyKey?: string | undefined;
}

/** Options of a change of something that has a revision. */
export interface ChangeOptions extends IdempotentOptions {
  /** The change is only made if the resource has this revision. */
  readonly ifMatch?: number | undefined;
}

/** One page of a list. `pagination.next_cursor` is null on the last page. */
export interface Page<Item> {
  readonly data: Item[];
  readonly pagination: Pagination;
}

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly repeat: Repeat;
  readonly content?: Content;
  readonly body?: object | undefined;
  readonly query?: object | undefined;
  readonly options?: ChangeOptions | undefined;
  /** Fields of the result that contain a secret. */
  readonly secrets?: readonly string[];
  /** Replaces a secret whose response was lost. It is used only after a retry of this same call. */
  readonly recovery?: Recovery;
  /** HTTP statuses beyond 2xx that are no error. */
  readonly answers?: readonly number[];
  /** The time for a response, if it is longer than that of the client. */
  readonly timeoutSeconds?: number;
}

/** The time that the client waits for the service in addition to the time for an MCP server. */
export const MARGIN_SECONDS = 10;

/** Return a path with its parameters in percent-encoding. */
export function pathOf(texts: TemplateStringsArray, ...parameters: string[]): string {
  return texts.reduce((path, text, index) => path + segment(parameters[index - 1] ?? "") + text);
}

/** Yield the items of all pages. */
export async function* itemsOf<Item, Query extends object>(
  request: (query: Query | undefined) => Promise<Page<Item>>,
  query: Query | undefined,
): AsyncGenerator<Item, void, undefined> {
  let page = await request(query);
  for (;;) {
    yield* page.data;
    const cursor = page.pagination.next_cursor;
    if (typeof cursor !== "string") return;
    page = await request({ ...query, page: undefined, cursor } as unknown as Query);
  }
}

/** Return a parameter as one segment. The others would be removed when the URL is resolved, which changes the path. */
function segment(parameter: string): string {
  if (parameter === "" || parameter === "." || parameter === "..") {
    throw new TypeError("An id in the path is empty or consists of dots. Pass the id of the resource.");
  }
  return encodeURIComponent(parameter);
}
