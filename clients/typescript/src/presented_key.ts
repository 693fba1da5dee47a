// The API key in the headers of a request. Credentials that are not API keys are never sent to the service.

import { isWellFormed, Secret } from "./secret.js";
import { trimmed } from "./text.js";

export type HeaderPairs = readonly (readonly [name: string, value: string])[];

/**
 * The reason that no single key was found. `credentialSent`: the headers contain a credential.
 *
 * `message` is for the caller. Without it, the general message for a missing or malformed key applies.
 */
export interface NoKey {
  readonly credentialSent: boolean;
  readonly message?: string;
}

const DIFFERENT_KEYS = "The request contains different API keys. Send one, in Authorization or in X-API-Key.";

/**
 * Return the one well-formed key in `Authorization: Bearer …` and `X-API-Key`.
 *
 * A proxy may put its own credential into one of the headers. The header that contains a key is used.
 */
export function presentedKey(headers: HeaderPairs): Secret | NoKey {
  const found = credentials(headers);
  const [key, ...others] = new Set(found.filter((credential) => isWellFormed(credential)));
  if (others.length > 0) return { credentialSent: true, message: DIFFERENT_KEYS };
  return key === undefined ? { credentialSent: found.length > 0 } : new Secret(key);
}

/** Return every bearer token and every value of X-API-Key. Both may occur repeatedly or be joined by commas. */
function credentials(headers: HeaderPairs): string[] {
  return headers.flatMap(([name, value]) => {
    const parts = value.split(",").map((part) => trimmed(part));
    switch (name.toLowerCase()) {
      case "x-api-key":
        return parts.filter((part) => part !== "");
      case "authorization":
        return parts.flatMap((part) => /^bearer[ \t]+(.+)$/i.exec(part)?.[1] ?? []);
      default:
        return [];
    }
  });
}
