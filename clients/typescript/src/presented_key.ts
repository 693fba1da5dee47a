// The API key in the headers of a request.
//
// Credentials that are not API keys are never sent to the service. Only the service knows the secrets of imported keys,
// so an application that accepts them sends it any credential in a request without a well-formed key.

import { isWellFormed, mayBeImported, Secret } from "./secret.js";
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
 * Return the one key in `Authorization: Bearer …` and `X-API-Key`.
 *
 * A proxy may put its own credential into one of the headers. The header that contains a well-formed key is used. If
 * there is none, `acceptImported` lets a secret of any other format count. As in the service, X-API-Key counts before
 * Authorization.
 */
export function presentedKey(headers: HeaderPairs, acceptImported: boolean): Secret | NoKey {
  const own = parts(headers, "x-api-key").filter((part) => part !== "");
  const tokens = parts(headers, "authorization").flatMap((part) => /^bearer[ \t]+(.+)$/i.exec(part)?.[1] ?? []);
  const found = [...own, ...tokens];
  const imported = acceptImported ? [own.filter(mayBeImported), tokens.filter(mayBeImported)] : [];
  for (const candidates of [found.filter(isWellFormed), ...imported]) {
    const [key, ...others] = new Set(candidates);
    if (others.length > 0) return { credentialSent: true, message: DIFFERENT_KEYS };
    if (key !== undefined) return new Secret(key);
  }
  return { credentialSent: found.length > 0 };
}

/** Return the values of a header, which may occur repeatedly or be joined by commas. */
function parts(headers: HeaderPairs, wanted: string): string[] {
  return headers.flatMap(([name, value]) =>
    name.toLowerCase() === wanted ? value.split(",").map((part) => trimmed(part)) : [],
  );
}
