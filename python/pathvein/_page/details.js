// What is told of one run: what was asked, what is there, what came closest.

const place = (text) => text.replace(/_/g, " ");
const forbids = (place) => place.startsWith("forbidden") || place === "closed";

function definition(term, ...content) { return [el("dt", {}, term), el("dd", {}, content)]; }

// What was asked, what is there, and what came closest.
function finding(outline, { item, state, detail }) {
  const where = outline.places[item];
  const parts = [el("h4", {}, sign(state), " ", name(outline.texts[item], "code"), " ", el("span", { class: "dim" }, `${STATES[state]}, ${place(where)}`))];
  const list = [];
  if (detail.count) {
    const more = detail.count - detail.found.length;
    const names = detail.found.flatMap((each, index) => [index ? ", " : "", name(each)]);
    list.push(definition(forbids(where) ? "Not allowed" : "There",
      names.length ? names : number(detail.count), names.length && more > 0 ? ` and ${number(more)} more` : ""));
  }
  if (detail.reason && !detail.outline) {
    const names = detail.reason === "normal form" ? [name(detail.path), " (", name(spelt(detail.path)), ")"] : [name(detail.path)];
    list.push(definition("Closest", names, `: ${REASONS[detail.reason] || detail.reason}`));
  } else if (detail.reason) {
    list.push(definition("Closest", name(detail.path), `: ${REASONS[detail.reason] || detail.reason}`, tree(detail)));
  }
  if (list.length) parts.push(el("dl", {}, list));
  else if (state === 3) parts.push(el("p", {}, "It cannot be told, as something could not be read."));
  else parts.push(el("p", {}, where === "closed" ? "There is something else." : "It is not there, and nothing comes close."));
  return parts;
}

// The closest sub-directory, with all that is asked of it. Not recursive: patterns nest 128 levels.
function tree(detail) {
  const root = el("ul", { class: "tree" });
  const open = [[root, detail]];
  while (open.length) {
    const [list, { path, outline, inside, empty }] = open.pop();
    const below = el("ul");
    list.append(el("li", {}, name(`${path}/`), empty ? " is empty" : "", below));
    const lacking = new Map(findings(inside).map((each) => [each.item, each]));
    outline.texts.forEach((asked, item) => {
      const { state, detail: inner } = lacking.get(item) || { state: 0 };
      if (outline.places[item] === "directory_name" && state === 0) return;
      const entry = el("li", {}, sign(state), " ", name(asked, "code"), el("span", { class: "unseen" }, ` ${STATES[state]}`));
      below.append(entry);
      if (!inner) return;
      if (inner.count) entry.append(el("span", { class: "dim" }, forbids(outline.places[item]) ? ` (${number(inner.count)} not allowed: ` : ` (${number(inner.count)} there: `, inner.found.flatMap((each, index) => [index ? ", " : "", name(each)]), inner.count > inner.found.length ? "…)" : ")"));
      if (inner.outline) {
        const deeper = el("ul");
        entry.append(deeper);
        open.push([deeper, inner]);
      } else if (inner.reason) {
        entry.append(el("span", { class: "dim" }, " (closest: ", name(inner.path), `, ${REASONS[inner.reason] || inner.reason})`));
      }
    });
  }
  return root;
}

function details(row, column) {
  const run = rows[row];
  if (run === undefined || run < 0) return;
  const { outline } = pattern;
  const found = pattern.findings(run);
  const lacking = new Map(found.map((each) => [each.item, each]));
  const item = column - FIXED;
  const content = [
    el("button", { type: "button", class: "close", "aria-label": "close details (Esc)" }, "✕"),
    el("h3", {}, name(pattern.names[run] || ".")),
    el("p", { class: "dim" }, name(pattern.path(run))),
  ];
  if (item >= 0) {
    content.push(lacking.has(item) ? finding(outline, lacking.get(item)) :
      [el("h4", {}, sign(0), " ", name(outline.texts[item], "code"), " ", el("span", { class: "dim" }, `met, ${place(outline.places[item])}`)),
        el("p", {}, forbids(outline.places[item]) ? "Nothing is there that should not be." : "It is there as asked.")]);
  } else {
    content.push(found.map((each) => finding(outline, each)));
    const met = outline.texts.filter((_, index) => !lacking.has(index));
    if (!found.length) content.push(el("p", {}, "It is complete."));
    if (met.length) content.push(el("h4", {}, sign(0), " met"), el("ul", { class: "tree" }, met.map((asked) => el("li", {}, name(asked, "code")))));
  }
  $("details").replaceChildren(...content.flat(Infinity));
  $("details").hidden = false;
  grid.open(true);
  $("details").querySelector(".close").addEventListener("click", () => closeDetails());
  grid.uncover();
}

function closeDetails(isLeft = true) {
  if ($("details").hidden) return;
  $("details").hidden = true;
  grid.open(false);
  if (isLeft) $("grid").focus({ preventScroll: true });
}

