// A key in plain text that is protected from accidental display, and checks of its form that need no request.
//
// `pk_live_` or `pk_test_`, 26 random base62 characters, 6 base62 characters of the CRC32 of everything before them.

const PREFIXES = ["pk_live_", "pk_test_"];
const LENGTH = 40;
const CHECKSUM_LENGTH = 6;
const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const SHOWN = "Secret(…)";

/** A key in plain text. No text, JSON, log line or error shows it; `reveal()` returns it. */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  equals(other: unknown): boolean {
    return other instanceof Secret && other.#text === this.#text;
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return SHOWN;
  }
}

export function revealed(key: string | Secret): string {
  return key instanceof Secret ? key.reveal() : key;
}

/** Return whether a text has the form of a key. A well-formed key may still be unknown, revoked or expired. */
export function isWellFormed(key: string | Secret): boolean {
  const text = revealed(key);
  if (text.length !== LENGTH || !PREFIXES.some((prefix) => text.startsWith(prefix))) return false;
  return checksumOf(text.slice(0, -CHECKSUM_LENGTH)) === text.slice(-CHECKSUM_LENGTH);
}

/**
 * Return whether a text may be the secret of an imported key: 16 to 255 printable characters of any format.
 *
 * A text in the format of this service is not one. If its checksum is wrong, it was mistyped.
 */
export function mayBeImported(text: string): boolean {
  // Printable ASCII without the comma, at which headers with several values are split.
  return /^[!-+\--~]{16,255}$/.test(text) && !/^pk_(?:live|test)_[0-9A-Za-z]{32}$/.test(text);
}

/** Return the SHA-256 of a key in hexadecimal, by which the service can identify the key without receiving it. */
export async function sha256Of(key: string | Secret): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(revealed(key)));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function checksumOf(body: string): string {
  let rest = crc32(new TextEncoder().encode(body));
  let characters = "";
  for (let count = 0; count < CHECKSUM_LENGTH; count += 1) {
    characters = BASE62.charAt(rest % BASE62.length) + characters;
    rest = Math.floor(rest / BASE62.length);
  }
  return characters;
}

/** Return the CRC-32 of ISO 3309, as in zlib and gzip (RFC 1952 §8). */
function crc32(bytes: Uint8Array): number {
  let rest = 0xffffffff;
  for (const byte of bytes) {
    rest ^= byte;
    for (let bit = 0; bit < 8; bit += 1) rest = (rest >>> 1) ^ (rest & 1 ? 0xedb88320 : 0);
  }
  return (rest ^ 0xffffffff) >>> 0;
}
