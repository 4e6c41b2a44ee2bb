// What stands around the table, the keys, and the beginning of all.

// Met, missing, near and unknown, side by side.
function bar(tally, size) {
  const parts = [0, 2, 3, 1].filter((state) => tally[state]).map((state) => {
    const part = el("i", { class: STATES[state] });
    part.style.flex = `${tally[state]} 0 0`;
    return part;
  });
  const said = size ? STATES.map((state, index) => `${number(tally[index])} ${state}`).join(", ") : "no runs";
  return el("span", { class: "bar", role: "img", "aria-label": said, title: said }, parts);
}

// Only all is 100%, and only nothing 0%.
function share(part, whole) {
  if (!whole) return "–";
  const percent = (100 * part) / whole;
  if (part === 0 || part === whole) return `${percent}%`;
  return percent < 1 || percent > 99 ? `${Math.min(99.9, Math.max(0.1, percent)).toFixed(1)}%` : `${Math.round(percent)}%`;
}

function requirements() {
  const { outline, tally, size } = pattern;
  $("bars").replaceChildren(...outline.texts.map((asked, item) => el("tr", {},
    el("th", { scope: "row" }, name(asked, "code")),
    el("td", {}, bar(tally[item], size), el("span", { class: "share" }, share(tally[item][0], size))),
    el("td", {}, STATES.map((state, index) => {
      const button = el("button", {
        type: "button", class: "count", "data-item": item, "data-state": state, title: `show only runs of which it ${MEANINGS[index]}`,
      }, sign(index), ` ${number(tally[item][index])}`, el("span", { class: "unseen" }, ` ${state}`));
      button.disabled = !tally[item][index];
      button.addEventListener("click", () => {
        const again = view.only && view.only.item === item && view.only.state === index;
        change({ only: again ? null : { item, state: index } });
      });
      return button;
    })))));
}

function sortBy(key, down) {
  if (view.sort === key && (down === undefined || view.down === down)) return change({ down: !view.down });
  return change({ sort: key, down: down || false });
}

// The button that did it goes away, and the focus would with it.
async function lift(changes) {
  await change(changes);
  $("grid").focus({ preventScroll: true });
}

// Brings the controls in line with the view.
function controls() {
  $("filter").value = view.words;
  $("group").checked = view.group;
  for (const box of $("states").querySelectorAll("input")) box.checked = view.states.has(Number(box.value));
  for (const button of $("bars").querySelectorAll("button")) {
    const pressed = view.only && view.only.item === Number(button.dataset.item) && STATES[view.only.state] === button.dataset.state;
    button.setAttribute("aria-pressed", String(Boolean(pressed)));
  }
  $("only").hidden = !view.only;
  if (view.only) $("only").replaceChildren(sign(view.only.state), " ", name(pattern.outline.texts[view.only.item]), ` ${STATES[view.only.state]} ✕`);
  $("clear").hidden = !(view.only || view.words || view.states.size < 4);
}

// Shows the pattern that the view names.
function openPattern() {
  pattern = patterns[view.pattern];
  pattern.open();
  folded.clear();
  active = { row: 0, column: 0 };
  $("pattern").selectedIndex = view.pattern;
  $("drawing").querySelector("summary").replaceChildren(...(patterns.length > 1 ? ["The pattern, drawn"] : ["Pattern ", name(pattern.outline.text, "code")]));
  $("pattern-text").replaceChildren(...pattern.drawing.split("\n").flatMap((line, index) => {
    const indent = /^ */.exec(line)[0];
    return [index ? "\n" : "", indent, el("bdi", {}, pieces(line.slice(indent.length)))];
  }));
  $("states").replaceChildren($("states").firstElementChild, ...STATES.map((_, state) => {
    const box = el("input", { type: "checkbox", value: state });
    box.disabled = !pattern.totals[state];
    box.addEventListener("change", () => {
      const states = new Set(view.states);
      if (!states.delete(state)) states.add(state);
      change({ states });
    });
    return el("label", { class: "choice", title: RUN_MEANINGS[state] }, box, sign(state), ` ${number(pattern.totals[state])} ${RUNS[state]}`);
  }));
  requirements();
  grid.build();
  closeDetails();
}

function choose(index) {
  if (!patterns[index] || index === view.pattern) return;
  const sort = ["path", "name", "met"].includes(view.sort) ? view.sort : "path";
  view.pattern = index;
  Object.assign(view, { only: null, sort });
  openPattern();
  change({});
}

function head() {
  const { facts, errors } = data;
  $("facts").replaceChildren(...facts.flatMap(([term, values]) =>
    definition(term, values.flatMap((value, index) => [index ? ", " : "", name(value)]))));
  if (data.error_count) $("facts").append(...definition("Errors", `${number(data.error_count)}, listed at the end`));
  $("pattern").replaceChildren(...patterns.map((each) =>
    // In a list there are no elements to isolate a direction, so it is done by characters.
    el("option", {}, `\u2068${shown(each.outline.text).slice(0, 200)}\u2069 (${number(each.totals[0])} of ${number(each.size)} complete)`)));
  const sources = facts.filter(([term]) => term === "From").flatMap(([, values]) => values.map(shown));
  document.title = ["pathvein report", ...sources].join(" ");
  $("choice").hidden = patterns.length < 2;
  $("signs").replaceChildren(...STATES.flatMap((state, index) => [el("dt", {}, sign(index), ` ${state}`), el("dd", {}, MEANINGS[index])]));
  $("errors").hidden = !data.error_count;
  $("errors").querySelector("summary").textContent = `${number(data.error_count)} ${data.error_count === 1 ? "error" : "errors"} of the scan`;
  $("errors").querySelector("ul").replaceChildren(...errors.map(([path, message]) => el("li", {}, path ? [name(path), ": "] : "", name(message))));
  if (errors.length < data.error_count) {
    $("errors").append(el("p", { class: "dim" }, `The first ${number(errors.length)} are shown.`));
  }
}

const THEMES = ["auto", "light", "dark"];
function theme(chosen) {
  const wanted = THEMES.includes(chosen) ? chosen : "auto";
  document.documentElement.dataset.theme = wanted;
  $("theme").textContent = { auto: "◐ auto", light: "☀ light", dark: "☾ dark" }[wanted];
  // A page from a file may have no storage.
  try { localStorage.setItem("pathvein-theme", wanted); } catch { /* then it is forgotten */ }
}
const nextTheme = () => theme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % 3]);

// Goes to the next run that is not complete, or the one before.
function jump(step) {
  for (let row = active.row + step; row >= 0 && row < rows.length; row += step) {
    if (rows[row] >= 0 && pattern.of(rows[row]).state !== 0) {
      $("grid").focus({ preventScroll: true });
      return grid.go(row, active.column);
    }
  }
  return undefined;
}

const KEYS = {
  "/": () => $("filter").select(), f: () => $("filter").select(),
  n: () => sortBy("name"), p: () => sortBy("path"), m: () => sortBy("met", false), c: () => sortBy("met", true),
  g: () => change({ group: !view.group }), j: () => jump(1), k: () => jump(-1),
  "[": () => choose(view.pattern - 1), "]": () => choose(view.pattern + 1),
  t: nextTheme, "?": () => $("help").showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if ($("help").open) {
    if (event.key === "?") $("help").close();
    return;
  }
  const isTyping = event.target.matches("input[type=search], select");
  if (event.key === "Escape") {
    if (isTyping) event.target.blur();
    else closeDetails();
  } else if (!isTyping && KEYS[event.key]) {
    event.preventDefault();
    KEYS[event.key]();
  }
});

const grid = new Grid($("grid"));
$("filter").addEventListener("input", () => change({ words: $("filter").value }));
$("filters").addEventListener("submit", (event) => { event.preventDefault(); $("grid").focus(); });
$("group").addEventListener("change", () => change({ group: $("group").checked }));
$("only").addEventListener("click", () => lift({ only: null }));
$("clear").addEventListener("click", () => lift({ only: null, words: "", states: new Set([0, 1, 2, 3]) }));
$("pattern").addEventListener("change", () => choose($("pattern").selectedIndex));
$("theme").addEventListener("click", nextTheme);
$("help-button").addEventListener("click", KEYS["?"]);
window.addEventListener("hashchange", () => {
  if (location.hash.slice(1) === written()) return;
  read();
  openPattern();
  change({});
});
function printed(isPrinted) {
  const more = rows.length - PRINTED;
  $("shown").textContent = `${number(kept.length)} of ${number(pattern.size)} shown` +
    (isPrinted && more > 0 ? `, the first ${number(PRINTED)} printed: filter them to print others` : "");
  if (grid.printing !== isPrinted) grid.print(isPrinted);
}
// Some browsers tell of printing by the one, some by the other, and of a preview only by the second.
addEventListener("beforeprint", () => printed(true));
addEventListener("afterprint", () => printed(false));
matchMedia("print").addEventListener("change", ({ matches }) => printed(matches));

let stored = null;
try { stored = localStorage.getItem("pathvein-theme"); } catch { /* a page from a file may have none */ }
theme(stored);
head();
document.querySelector("main").hidden = !patterns.length;
if (patterns.length) {
  read();
  openPattern();
  change({});
}
