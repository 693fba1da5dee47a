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

function problemOf(key) {
  if (!/^pk_(live|test)_[0-9A-Za-z]{32}$/.test(key)) {
    return "This isn't a complete key. A key starts with pk_live_ or pk_test_ and has 40 characters.";
  }
  if (!key.endsWith(checksum(key.slice(0, -6)))) {
    return "A character of this key is wrong: its last six characters don't match the rest.";
  }
  return globalThis.crypto.subtle ? "" : "Browsers compute a SHA-256 only over HTTPS. Use keyledger keys identify.";
}

const form = document.querySelector("[data-identify]");
const field = form.querySelector("#found");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const key = field.value.trim();
  const problem = problemOf(key);
  form.querySelector("[data-identify-error]").textContent = problem;
  field.setAttribute("aria-invalid", String(problem !== ""));
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
