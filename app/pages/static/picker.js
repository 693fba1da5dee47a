/* The permission picker: search in the list of servers. */

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

document.querySelectorAll("[data-key-form]").forEach(preparePicker);
