/* Keyboard shortcuts of the elements that name one. The dialog that lists them is absent if they are off. */

const shortcuts = document.getElementById("shortcut-list");
let pressed = "";

if (shortcuts) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.key === "Shift") return;
    if (document.querySelector("dialog[open]")) return;
    if (event.target.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]")) return;
    const keys = pressed + event.key;
    pressed = event.key === "g" ? "g " : "";
    setTimeout(() => { pressed = ""; }, 1500);
    if (keys === "?") return shortcuts.showModal();
    const target = document.querySelector(`[data-shortcut="${CSS.escape(keys)}"]`);
    if (!target || target.hidden) return;
    event.preventDefault();
    if (target.select) select(target);
    else target.click();
  });
}
