/* Opens the pages of actions as dialogs. Without scripts, and in a new tab, they are pages. */

const ACTION = "dialog[data-action]";
const REFERENCES = ["id", "for", "aria-describedby", "aria-labelledby"];

/* Returns the content of a page. Returns nothing if the browser is about to leave this page, or the session ended. */
async function load(address, options) {
  const response = await fetch(address, { ...options, headers: { "HX-Request": "true" } });
  const next = response.headers.get("HX-Redirect") ?? (response.ok || options ? null : address);
  if (response.status === 401) {
    document.querySelector(ACTION)?.close();
    sessionEnded();
  } else if (next) {
    location.assign(next);
  } else {
    return new DOMParser().parseFromString(await response.text(), "text/html").querySelector("main");
  }
}

/* Returns the dialog, which is empty and busy until its first page is loaded. */
function openDialog() {
  let dialog = document.querySelector(ACTION);
  if (!dialog) {
    dialog = document.createElement("dialog");
    dialog.dataset.action = "";
    dialog.setAttribute("aria-labelledby", "in-dialog-title");
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }
  dialog.ariaBusy = true;
  return dialog;
}

function show(page) {
  if (!page) return;
  const dialog = openDialog();
  const secret = page.querySelector("[data-shown-once]");
  if (secret) {
    dialog.replaceWith(secret);
    htmx.process(secret);
    return prepareShownOnce(secret);
  }
  page.querySelectorAll(".breadcrumb, .toast-area").forEach((element) => element.remove());
  const title = document.createElement("h2");
  const heading = page.querySelector("h1");
  title.id = "dialog-title";
  title.tabIndex = -1;
  title.append(...heading.childNodes);
  heading.replaceWith(title);
  /* The page behind the dialog may have the same names. */
  for (const element of page.querySelectorAll("*")) {
    for (const each of element.attributes) {
      if (REFERENCES.includes(each.name)) each.value = each.value.replace(/\S+/g, "in-$&");
    }
    if (element.hash && element.getAttribute("href") === element.hash) element.hash = `in-${element.hash.slice(1)}`;
  }
  dialog.replaceChildren(...page.childNodes);
  dialog.scrollTop = 0;
  dialog.ariaBusy = false;
  refreshTimes(dialog);
  const choose = (selector) => dialog.querySelector(selector);
  const cancel = choose(".button-row a");
  (choose("[data-focus]") ?? (choose(".danger:not(.quiet)") && cancel)
    ?? choose("input:checked") ?? choose("input:not([type=hidden]), select, textarea") ?? cancel)?.focus();
  /* The focus must not scroll past the text that says what the action does. */
  if (dialog.scrollTop) title.focus();
}

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.defaultPrevented) return;
  if (link.matches(`${ACTION} .button-row a`)) {
    event.preventDefault();
    link.closest("dialog").close();
  } else if (link.matches("[data-dialog]")) {
    event.preventDefault();
    const menu = link.closest("details.overflow");
    if (menu) {
      menu.open = false;
      menu.firstElementChild.focus();
    }
    const dialog = openDialog();
    try {
      const page = await load(link.href);
      /* The user may have closed it meanwhile. */
      if (dialog.isConnected) show(page);
    } catch {
      location.assign(link.href);
    }
  }
});

document.addEventListener("submit", async (event) => {
  const form = event.target;
  const { submitter } = event;
  if (!form.matches(`${ACTION} [method=post]`)) return;
  event.preventDefault();
  const body = new URLSearchParams(new FormData(form, submitter));
  submitter.disabled = true;
  const dialog = openDialog();
  try {
    show(await load(form.getAttribute("action"), { method: "POST", body }));
  } catch {
    submitter.disabled = false;
    dialog.ariaBusy = false;
    tell("The server can't be reached. Try again.", form);
  }
});
