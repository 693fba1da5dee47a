/* Keyboard shortcuts. The dialog that lists them contains the links that they open, and is absent if they are off. */

const shortcuts = document.getElementById("shortcut-list");
let pressed = "";

function shortcutFor(keys) {
  if (keys === "/") return document.querySelector("[data-search]");
  if (keys === "p") return document.querySelector("[data-tail-pause]");
  return shortcuts.querySelector(`[data-shortcut="${CSS.escape(keys)}"]`);
}

if (shortcuts) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.key === "Shift") return;
    if (document.querySelector("dialog[open]")) return;
    if (event.target.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]")) return;
    const keys = pressed + event.key;
    pressed = event.key === "g" ? "g " : "";
    setTimeout(() => { pressed = ""; }, 1500);
    if (keys === "?") return shortcuts.showModal();
    const target = shortcutFor(keys);
    if (!target || target.hidden) return;
    event.preventDefault();
    if (target.select) {
      target.focus();
      target.select();
    } else {
      target.click();
    }
  });
}
