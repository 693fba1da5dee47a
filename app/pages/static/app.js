/* Improves pages that already work without scripts: copying, relative times, filters that apply when they change. */

/* The hours of each unit. */
const UNITS = { year: 8760, month: 720, week: 168, day: 24, hour: 1 };

function refreshTimes(root) {
  for (const element of root.querySelectorAll("time[data-relative]")) {
    element.textContent = relative(Date.parse(element.dateTime), Date.now());
  }
}

/* The same wording as `app/pages/wording/text.py`. */
function relative(at, now) {
  const seconds = Math.floor(Math.abs(now - at) / 1000);
  if (seconds < 60) return at <= now ? "just now" : "in under a minute";
  const text = duration(seconds);
  return at <= now ? `${text} ago` : `in ${text}`;
}

function duration(seconds) {
  for (const name in UNITS) {
    const count = Math.floor(seconds / 3600 / UNITS[name]);
    /* At least two weeks, months or years are told as such. */
    if (count >= (UNITS[name] > 24 ? 2 : 1)) return `${count} ${name}${count === 1 ? "" : "s"}`;
  }
  return `${Math.max(Math.floor(seconds / 60), 1)} min`;
}

async function copy(button) {
  const block = button.closest("[data-copyable]");
  const source = block.querySelector("input, pre");
  const label = button.querySelector("[data-copy-text]");
  const initial = (button.dataset.copy ||= label.textContent);
  try {
    await navigator.clipboard.writeText(source.value ?? source.textContent);
    label.textContent = "Copied";
    setTimeout(() => { label.textContent = initial; }, 2000);
  } catch {
    /* Browsers refuse the clipboard on plain HTTP, except on loopback. */
    select(source);
    label.textContent = "Press Ctrl+C";
  }
}

function select(element) {
  element.focus();
  if (element.select) element.select();
  else getSelection().selectAllChildren(element);
}

function signInAddress() {
  return `/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`;
}

function sessionEnded() {
  const notice = tell("Your session has ended.");
  if (notice) addLink(notice, "Sign in", signInAddress());
}

function addLink(place, text, address) {
  const link = document.createElement("a");
  link.href = address;
  link.textContent = text;
  place.append(" ", link);
}

/* Shows a message that stays, once. */
function tell(text, place = document.querySelector(".toast-area")) {
  if (place.textContent.includes(text)) return;
  const notice = document.createElement("p");
  notice.className = "notice notice-warn";
  notice.role = "alert";
  notice.textContent = text;
  place.prepend(notice);
  return notice;
}

function prepare(root) {
  refreshTimes(root);
  root.querySelectorAll("[data-tail]").forEach(followActivity);
  root.querySelector("[data-focus]")?.focus();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
  const close = event.target.closest("[data-close]");
  if (close) {
    event.preventDefault();
    const shown = close.closest("dialog, .toast");
    if (shown.close) shown.close();
    else shown.remove();
  }
  for (const menu of document.querySelectorAll("details.overflow[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && event.target.closest("details.overflow[open]");
  if (!menu) return;
  menu.open = false;
  menu.firstElementChild.focus();
});

document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-auto-submit]");
  /* The pointer that ends the editing of a text may press a link, which must stay until it is released. */
  setTimeout(() => form?.isConnected && form.requestSubmit(), 300);
});

document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status === 401) sessionEnded();
  else tell("A part of this page can't be loaded. Reload the page.");
});

/* Of the page itself, and then of each part that replaces another one. */
document.addEventListener("htmx:load", (event) => prepare(event.target));
setInterval(() => refreshTimes(document), 60000);
