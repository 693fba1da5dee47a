/* The list of keys: selected rows. Lists with filters: the focus after a list was replaced. */

function countSelected() {
  const count = document.querySelector("[data-selected-count]");
  if (!count) return;
  const rows = document.querySelectorAll("[data-row-check]").length;
  const checked = document.querySelectorAll("[data-row-check]:checked").length;
  count.textContent = `${checked} selected`;
  const all = document.querySelector("[data-check-all]");
  all.checked = checked === rows;
  all.indeterminate = checked && !all.checked;
}

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-check-all]")) {
    for (const row of document.querySelectorAll("[data-row-check]")) row.checked = event.target.checked;
  }
  countSelected();
});

/* A link of a list replaced it, so the link that had the focus is gone. Fields of the form keep the focus. */
document.addEventListener("htmx:afterSettle", ({ detail }) => {
  if (!detail.requestConfig?.elt.matches("a")) return;
  /* A table without rows is hidden, so its caption cannot have the focus. */
  for (const start of document.querySelectorAll("#results :is(caption, .empty)")) {
    start.tabIndex = -1;
    start.focus();
  }
});

/* The list searches for prefixes, and a secret must not get into an address. Before htmx sees the event. */
document.addEventListener("input", ({ target }) => {
  if (target.id !== "q") return;
  const shorter = target.value.replace(/(pk_(?:live|test)_[0-9A-Za-z]{4})[\w.…]+/, "$1");
  if (shorter !== target.value) target.value = shorter;
}, true);
