// The cursor of charts: the legend shows the values under the pointer, or those chosen with arrow keys.
const KEYS = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };

function enhance(chart) {
  const [plot, image, cursor, subject, live] =
    ["plot", "image", "cursor", "subject", "live"].map((name) => chart.querySelector(".chart-" + name));
  const rows = chart.querySelectorAll("tbody tr");
  const values = [...chart.querySelectorAll("[data-column]")];
  const texts = [subject, ...values];
  const atRest = texts.map((text) => text.textContent);
  const { slots } = plot.dataset;
  let index;
  if (!rows.length || !image.tabIndex) return;
  image.tabIndex = 0;

  const draw = (visibility, x = 0) => {
    const attributes = { visibility, x1: x, x2: x };
    for (const name in attributes) cursor.setAttribute(name, attributes[name]);
  };
  const show = (to) => {
    index = Math.min(Math.max(to, 0), rows.length - 1);
    draw("visible", ((index + 0.5) * 100) / slots + "%");
    texts.forEach((text) => (text.textContent = rows[index].cells[+(text.dataset.column ?? -1) + 1].textContent));
  };
  const rest = () => {
    draw("hidden");
    texts.forEach((text, place) => (text.textContent = atRest[place]));
    live.textContent = "";
  };
  const follow = ({ clientX }) => {
    const { left, width } = plot.getBoundingClientRect();
    show(Math.floor(((clientX - left) / width) * slots));
  };
  plot.onpointermove = plot.onpointerdown = follow;
  plot.onpointerleave = image.onblur = rest;
  image.onfocus = () => show(rows.length - 1);
  image.onkeydown = (event) => {
    if (!(event.key in KEYS)) return;
    event.preventDefault();
    show(index + KEYS[event.key]);
    const named = values.map((value) => value.parentNode.textContent.trim());
    live.textContent = [subject.textContent, ...named].join(", ");
  };
}

const enhanceAll = () => document.querySelectorAll(".chart").forEach(enhance);
enhanceAll();
document.addEventListener("htmx:load", enhanceAll);
