/* The permission picker, the page that shows a secret once, and the list of keys. */

function preparePicker(form) {
  const search = form.querySelector("[data-picker-search]");
  if (!search) return;
  const servers = [...form.querySelectorAll("[data-words]")];
  const count = form.querySelector("[data-picker-count]");
  const initial = count.textContent;
  search.addEventListener("input", () => {
    const term = search.value.trim().toLowerCase();
    let shown = 0;
    for (const server of servers) {
      server.hidden = !server.dataset.words.includes(term);
      shown += !server.hidden;
    }
    count.textContent = term ? `${shown} of ${servers.length} servers match.` : initial;
  });
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && form.querySelector("[data-without-script]")) event.preventDefault();
  });
}

function prepareShownOnce(dialog) {
  const stored = dialog.querySelector("[data-stored]");
  const done = dialog.querySelector("[data-done]");
  const hint = dialog.querySelector("[data-hint]");
  const explain = () => { hint.hidden = stored.checked; };
  dialog.close();
  dialog.showModal();
  dialog.querySelector("h1").focus();
  done.disabled = !stored.checked;
  stored.addEventListener("change", () => {
    done.disabled = !stored.checked;
    if (stored.checked) hint.hidden = true;
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    if (stored.checked) done.click();
    else explain();
  });
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  dialog.addEventListener("click", (event) => {
    const box = dialog.getBoundingClientRect();
    const inside = event.clientX >= box.left && event.clientX <= box.right
      && event.clientY >= box.top && event.clientY <= box.bottom;
    if (event.target === dialog && !inside) explain();
  });
}

/* The browser may keep the page in memory, and show it again when the user goes back. */
function forgetSecrets() {
  for (const element of document.querySelectorAll("[data-secret]")) {
    if ("value" in element) element.value = element.defaultValue = "";
    else element.textContent = "";
  }
}

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

addEventListener("pagehide", forgetSecrets);
document.querySelectorAll("[data-key-form]").forEach(preparePicker);
document.querySelectorAll("[data-shown-once]").forEach(prepareShownOnce);
