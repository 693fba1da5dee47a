/* Follows activity: asks for new rows, never twice concurrently, and less often while nothing happens. */

const TAIL_DELAYS = [2, 4, 8, 15];
const TAIL_ROWS_MAX = 200;
const TAIL_MS = 900000;
const TAIL_ANNOUNCE_MS = 10000;

function followActivity(bar) {
  const rows = document.querySelector("[data-tail-rows]");
  const region = rows.closest(".table-region");
  const state = bar.querySelector("[data-tail-state]");
  const status = bar.querySelector("[data-tail-status]");
  const button = bar.querySelector("[data-tail-pause]");
  const newest = bar.querySelector("[data-tail-newest]");
  let after = bar.dataset.after;
  let idle = 0;
  let timer;
  let paused = false;
  let ended = false;
  let asking = false;
  let held = false;
  let fresh = 0;
  let more = 0;
  let announcedAt = 0;
  let notBefore = 0;
  let updatedAt = Date.now();
  let startedAt = Date.now();

  const isHeld = () => held || region.matches(":focus, :has(tbody :focus)");

  function show() {
    const seconds = Math.round((Date.now() - updatedAt) / 1000);
    if (ended) return;
    const live = seconds < 5 ? "Live" : `Live, updated ${seconds} s ago`;
    state.textContent = paused ? "Paused" : isHeld() ? "Paused while you read" : live;
    bar.classList.toggle("tail-paused", paused || isHeld());
  }

  function stop(text, ...link) {
    ended = true;
    bar.classList.add("tail-paused");
    button.hidden = true;
    state.textContent = status.textContent = text;
    fresh = 0;
    addLink(state, ...link);
  }

  function pause(on) {
    paused = on;
    button.ariaPressed = on;
    button.textContent = on ? "Resume" : "Pause";
    startedAt = Date.now();
    idle = 0;
    show();
    plan();
  }

  function plan(seconds = TAIL_DELAYS[Math.min(idle, TAIL_DELAYS.length - 1)]) {
    clearTimeout(timer);
    if (paused || ended || asking || !bar.isConnected) return;
    timer = setTimeout(ask, Math.max(seconds * 1000, notBefore - Date.now()));
  }

  function announce() {
    if (!fresh || Date.now() - announcedAt < TAIL_ANNOUNCE_MS) return;
    status.textContent = `${fresh} new`;
    announcedAt = Date.now();
    fresh = 0;
  }

  function insert(html) {
    const template = document.createElement("template");
    template.innerHTML = `<table><tbody>${html}</tbody></table>`;
    const added = [...template.content.querySelectorAll("tr")].filter((row) => !document.getElementById(row.id));
    region.hidden = false;
    document.querySelector("[data-tail-empty]")?.remove();
    const [seen] = rows.rows;
    const top = seen?.getBoundingClientRect().top;
    rows.prepend(...added);
    while (rows.rows.length > TAIL_ROWS_MAX) rows.lastElementChild.remove();
    /* Between the widths of a phone and of a desktop, the table scrolls and not the window. */
    if (region.scrollTop || top < 0) (region.scrollTop ? region : window).scrollBy(0, seen.getBoundingClientRect().top - top);
  }

  /* From here on, rows would leave a gap. */
  function countOn(count, isMinimum) {
    more += count;
    newest.textContent = `${isMinimum ? "At least " : ""}${more.toLocaleString("en")} more`;
    newest.classList.remove("quiet");
  }

  async function ask() {
    if (document.hidden || isHeld()) return plan();
    if (Date.now() - startedAt > TAIL_MS) return pause(true);
    asking = true;
    try {
      const url = new URL(bar.dataset.tail, location.href);
      url.searchParams.set("after", after);
      const response = await fetch(url, { headers: { "HX-Request": "true" } });
      const html = await response.text();
      /* A filter replaced the list meanwhile. */
      if (!bar.isConnected) return;
      if (response.status === 401) return stop("Your session has ended.", "Sign in", signInAddress());
      if (response.status === 429 || response.status === 503) {
        notBefore = Date.now() + (response.headers.get("Retry-After") * 1000 || 15000);
      } else if (!response.ok) {
        return stop("This page can't be updated.", "Reload", location.href);
      } else {
        after = response.headers.get("Tail-After") || after;
        updatedAt = Date.now();
        const count = Number(response.headers.get("Tail-Count"));
        idle = count ? 0 : idle + 1;
        fresh += count;
        const isMinimum = response.headers.get("Tail-More");
        if (more || (count && !html)) countOn(count, isMinimum);
        else if (count) insert(html);
        /* A number that is only a minimum need not change often. */
        if (isMinimum) idle = TAIL_DELAYS.length;
      }
    } catch {
      /* The network is away. The age of the data grows meanwhile. */
      idle += 1;
    } finally {
      asking = false;
    }
    announce();
    show();
    plan();
  }

  region.addEventListener("pointerenter", () => { held = true; show(); });
  region.addEventListener("pointerleave", () => { held = false; show(); });
  button.addEventListener("click", () => pause(!paused));
  /* Not a listener, which would keep a replaced list. */
  document.onvisibilitychange = () => document.hidden || plan(0);
  const clock = setInterval(() => {
    if (!bar.isConnected) return clearInterval(clock);
    announce();
    show();
  }, 1000);
  plan();
}
