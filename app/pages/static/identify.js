/* Identifies a key by its SHA-256, so that the key never leaves the browser. The field with the key has no name. */

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

function crc32(text) {
  let sum = 0xffffffff;
  for (const letter of text) {
    sum ^= letter.charCodeAt(0);
    for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return (sum ^ 0xffffffff) >>> 0;
}

/* The same format as `domain/secret.py`: the last six characters are the CRC32 of those before. */
function checksum(body) {
  let text = "";
  for (let rest = crc32(body); text.length < 6; rest = Math.floor(rest / 62)) text = DIGITS[rest % 62] + text;
  return text;
}

/* Returns the name of the message, which is an attribute of the form: a flaw as in `domain/secret.py`, or another. */
function problemOf(key) {
  if (!/^pk_(live|test)_/.test(key)) return "other";
  if (key.length !== 40) return key.length < 40 ? "incomplete" : "long";
  if (!/^.{8}[0-9A-Za-z]{32}$/.test(key) || !key.endsWith(checksum(key.slice(0, -6)))) return "mistyped";
  return crypto.subtle ? "" : "insecure";
}

const form = document.querySelector("[data-identify]");
const field = form.querySelector("#found");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const key = field.value.trim();
  const problem = problemOf(key);
  form.querySelector("[data-identify-error]").textContent = form.dataset[problem] ?? "";
  field.ariaInvalid = Boolean(problem);
  if (problem) {
    field.focus();
    return;
  }
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(key)));
  form.elements.sha256.value = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  field.value = "";
  form.submit();
});

/* The back-forward cache keeps fields. */
addEventListener("pagehide", () => { field.value = ""; });
