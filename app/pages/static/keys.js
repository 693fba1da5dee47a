/* The list of keys: selected rows, and the focus after a part of the list was replaced. */

function countSelected() {
  const count = document.querySelector("[data-selected-count]");
  if (!count) return;
  const rows = [...document.querySelectorAll("[data-row-check]")];
  const checked = rows.filter((row) => row.checked).length;
  count.textContent = `${checked} selected`;
  const all = document.querySelector("[data-check-all]");
  all.checked = checked > 0 && checked === rows.length;
  all.indeterminate = checked > 0 && checked < rows.length;
}

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-check-all]")) {
    for (const row of document.querySelectorAll("[data-row-check]")) row.checked = event.target.checked;
  }
  if (event.target.matches("[data-check-all], [data-row-check]")) countSelected();
});

/* A link of the list replaced it, so the link that had the focus is gone. Fields of the form keep the focus. */
document.addEventListener("htmx:afterSettle", (event) => {
  if (!event.detail.requestConfig?.elt.matches("a")) return;
  const caption = document.getElementById("keys-caption");
  if (!caption) return;
  caption.tabIndex = -1;
  caption.focus();
});

/* The list searches for prefixes, and a secret must not get into an address. Before htmx sees the event. */
document.addEventListener("input", ({ target }) => {
  if (target.id !== "q") return;
  const shorter = target.value.replace(/(pk_(?:live|test)_[0-9A-Za-z]{4})[\w.…]+/, "$1");
  if (shorter !== target.value) target.value = shorter;
}, true);
