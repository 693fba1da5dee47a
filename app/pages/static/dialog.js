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

function show(page) {
  if (!page) return;
  let dialog = document.querySelector(ACTION);
  const secret = page.querySelector("[data-shown-once]");
  if (secret) {
    dialog.replaceWith(secret);
    htmx.process(secret);
    return prepareShownOnce(secret);
  }
  if (!dialog) {
    dialog = document.createElement("dialog");
    dialog.dataset.action = "";
    dialog.setAttribute("aria-labelledby", "in-dialog-title");
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
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
    for (const name of REFERENCES) {
      if (element.hasAttribute(name)) element.setAttribute(name, element.getAttribute(name).replace(/\S+/g, "in-$&"));
    }
    if (element.hash && element.getAttribute("href") === element.hash) element.hash = `in-${element.hash.slice(1)}`;
  }
  dialog.replaceChildren(...page.childNodes);
  dialog.scrollTop = 0;
  if (!dialog.open) dialog.showModal();
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
    try {
      show(await load(link.href));
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
  try {
    show(await load(form.getAttribute("action"), { method: "POST", body }));
  } catch {
    submitter.disabled = false;
    tell("The server can't be reached. Try again.", form);
  }
});
