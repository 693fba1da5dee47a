/* The page that shows a secret once. */

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
  /* A form without named fields would append an empty query to the address. */
  dialog.addEventListener("submit", (event) => {
    event.preventDefault();
    location.assign(event.target.action);
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

addEventListener("pagehide", forgetSecrets);
document.querySelectorAll("[data-shown-once]").forEach(prepareShownOnce);
