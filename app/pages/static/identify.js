/* Identifies a key by its SHA-256, so that the key never leaves the browser. The field with the key has no name. */

function crc32(text) {
  let sum = 0xffffffff;
  for (const letter of text) {
    sum ^= letter.charCodeAt(0);
    for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return (sum ^ 0xffffffff) >>> 0;
}

/* Returns the digit of base 62: 0 to 9, A to Z, a to z. */
function digit(value) {
  return String.fromCharCode(value + (value < 10 ? 48 : value < 36 ? 55 : 61));
}

/* The same format as `domain/secret.py`: the last six characters are the CRC32 of those before. */
function checksum(body) {
  let text = "";
  for (let rest = crc32(body); text.length < 6; rest = Math.floor(rest / 62)) text = digit(rest % 62) + text;
  return text;
}

/* Returns the name of the message, which is an attribute of the form: a flaw as in `domain/secret.py`, or another. */
function problemOf(key) {
  if (!key) return "other";
  if (key.length !== 40) return key.length < 40 ? "incomplete" : "long";
  if (key.lastIndexOf("_") > 7 || !key.endsWith(checksum(key.slice(0, -6)))) return "mistyped";
  return crypto.subtle ? "" : "insecure";
}

const field = document.querySelector("#found");
const form = field.form;
const search = form.querySelector("#found-search");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  /* The same rule as `pasted` in `domain/secret.py`. */
  const key = /pk_(live|test)_\w*/.exec(field.value)?.[0] ?? "";
  const problem = problemOf(key);
  form.querySelector("#found-error").textContent = form.dataset[problem] ?? "";
  search.hidden = problem !== "incomplete";
  search.lastChild.search = `?q=${key.slice(0, 12)}`;
  field.ariaInvalid = Boolean(problem);
  if (problem) return field.focus();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(key)));
  form.elements.sha256.value = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  field.value = "";
  form.submit();
});

/* The back-forward cache keeps fields. */
addEventListener("pagehide", () => { field.value = ""; });
