// A report in the browser: it reads the data of the page, draws the runs that are in view, and
// filters and sorts in slices so that the page never stalls. Names come from a file system and
// may be anything: they become text nodes only, never HTML.
(() => {
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);

// Items of a run, and runs, have one of these states; the numbers are those of the data.
const STATES = ["met", "missing", "near", "unknown"];
const SIGNS = ["✓", "✗", "≈", "?"];
const MEANINGS = [
  "is there as asked", "is missing, and nothing comes close",
  "is missing, but something comes close, or there is too little of it",
  "cannot be told, as something could not be read",
];
// How runs of these states are called.
const RUNS = ["complete", "missing something", "nearly complete", "unknown"];
const RUN_MEANINGS = [
  "all is met", "something is missing that nothing comes close to",
  "of all that is missing something comes close", "nothing is known to be missing, but not all could be read",
];
const REASONS = {
  "case": "the same name in another case",
  "normal form": "the same name in another Unicode normal form",
  "edit": "one edit away",
  "below": "one level down",
  "above": "one level up",
  "directory": "it is a directory",
  "file": "it is a file and no directory",
  "link": "a link, which is not followed",
  "not entered": "not entered: a mount point, or a loop",
  "unreadable": "it could not be read",
  "name": "has the name, but lacks what is marked",
};
const PRINTED = 2000; // rows; a browser lays out no hundred thousand pages
const SPARE = 8; // rows that are drawn above and below those in view
const TALLEST = 15e6; // pixels; browsers bound the height of an element
const ROW = 30; // as --row in the style
const number = new Intl.NumberFormat("en").format;
const $ = (id) => document.getElementById(id);

// Text ------------------------------------------------------------------------------------

// What cannot be seen, would reorder the text around it, or is no character.
const HIDDEN = new RegExp(
  "[\\u0000-\\u001f\\u007f-\\u00a0\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180e\\u2000-\\u200b" +
  "\\u200e\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u3164\\ufeff\\uffa0\\ufff0-\\uffff\\p{Cs}\\p{Cn}\\p{Co}]" +
  "|[\\u{e0000}-\\u{e0fff}]|^ +| +$", "gu");
const PLAIN = /^(?! )[\x20-\x7e]*(?<! )$/;

function escaped(text) {
  if (text.startsWith(" ")) return "␣".repeat(text.length);
  const code = text.codePointAt(0);
  const hex = code.toString(16);
  if (code < 0x80) return `\\x${hex.padStart(2, "0")}`;
  return code > 0xffff ? `\\u{${hex}}` : `\\u${hex.padStart(4, "0")}`;
}

// The text as it is shown, which is also what the filter looks at.
function shown(text) {
  return PLAIN.test(text) ? text : text.replace(HIDDEN, escaped);
}

// Text nodes, and spans around what is escaped.
function pieces(text) {
  if (PLAIN.test(text)) return [text];
  const parts = [];
  let end = 0;
  for (const found of text.matchAll(HIDDEN)) {
    parts.push(text.slice(end, found.index), el("span", { class: "escape" }, escaped(found[0])));
    end = found.index + found[0].length;
  }
  parts.push(text.slice(end));
  return parts;
}

function el(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity));
  return element;
}

// A name in a text of ours: its direction stays its own.
const name = (text, tag = "bdi") => el(tag, { class: "name", dir: "auto" }, pieces(text));
const sign = (state) => el("i", { class: `sign ${STATES[state]}`, "aria-hidden": "true" }, SIGNS[state]);
// Where a normal form is the difference, it has to be seen.
const spelt = (text) => text.normalize("NFC").replace(/[^\x20-\x7e]/gu, escaped) === text ? text :
  text.replace(/[^\x20-\x7e]/gu, escaped);

// Data ------------------------------------------------------------------------------------

// Each text without what it has in common with the one before.
function unpack({ keep, rest }) {
  let text = "";
  return rest.map((end, index) => (text = text.slice(0, keep[index]) + end));
}

const text = (index) => (index < 0 ? null : data.strings[index]);

// [item, state, detail, item, state, detail...]
function findings(flat) {
  const found = [];
  for (let at = 0; at < flat.length; at += 3) {
    found.push({ item: flat[at], state: flat[at + 1], detail: detailOf(flat[at + 2]) });
  }
  return found;
}

function detailOf(index) {
  const [found, count, reason = -1, path = -1, outline = -1, inside = [], empty = 0] = data.details[index];
  return {
    found: found.map(text), count, reason: text(reason), path: text(path),
    outline: outline < 0 ? null : data.outlines[outline], inside, empty,
  };
}

class Pattern {
  constructor(raw) {
    this.drawing = raw.text;
    this.outline = data.outlines[raw.outline];
    this.items = this.outline.places.length;
    this.size = raw.lacks.length;
    this.raw = raw;
    // Of each distinct combination of lacks: what it means for a run.
    this.cells = new Map();
    this.tally = this.outline.places.map(() => [0, 0, 0, 0]);
    this.totals = [0, 0, 0, 0];
    const runs = new Map();
    for (const lacks of raw.lacks) runs.set(lacks, (runs.get(lacks) || 0) + 1);
    for (const [lacks, count] of runs) {
      const cells = new Uint8Array(this.items);
      const flat = data.lacks[lacks];
      for (let at = 0; at < flat.length; at += 3) cells[flat[at]] = flat[at + 1];
      const state = cells.includes(1) ? 1 : cells.includes(2) ? 2 : cells.includes(3) ? 3 : 0;
      this.cells.set(lacks, { cells, state, met: cells.filter((cell) => cell === 0).length });
      this.totals[state] += count;
      cells.forEach((cell, item) => (this.tally[item][cell] += count));
    }
  }

  // What takes longest is done when the pattern is first shown.
  open() {
    if (this.names) return;
    this.names = unpack(this.raw.names);
    this.directories = unpack(this.raw.directories);
    this.directory = new Uint32Array(this.size);
    let run = 0;
    this.raw.counts.forEach((count, directory) => {
      this.directory.fill(directory, run, run + count);
      run += count;
    });
    // What all directories have in common is said once, above the table.
    let base = this.directories[0] || "";
    for (const directory of this.directories) {
      while (!directory.startsWith(base) || !/^$|[/\\]$/.test(base)) base = base.slice(0, -1);
    }
    this.base = base;
    this.orders = new Map();
  }

  below(directory) { return this.directories[directory].slice(this.base.length).replace(/[/\\]$/, ""); }
  path(run) { return this.directories[this.directory[run]] + this.names[run]; }
  of(run) { return this.cells.get(this.raw.lacks[run]); }
  findings(run) { return findings(data.lacks[this.raw.lacks[run]]); }
}

const patterns = data.patterns.map((raw) => new Pattern(raw));

// What is looked at --------------------------------------------------------------------------

const view = { pattern: 0, words: "", states: new Set([0, 1, 2, 3]), only: null, sort: "path", down: false, group: false };
const folded = new Set();
let pattern = patterns[0];
let rows = new Int32Array(0); // indices of runs; ~index of a directory above its runs
let active = { row: 0, column: 0 };

// Hash of the address: the filters survive a reload and can be sent to others.
function written() {
  const hash = new URLSearchParams();
  if (view.pattern) hash.set("pattern", view.pattern + 1);
  if (view.words) hash.set("q", view.words);
  if (view.states.size < 4) hash.set("show", [...view.states].sort().map((state) => STATES[state]).join(" "));
  if (view.only) hash.set("only", `${pattern.outline.places[view.only.item]} ${STATES[view.only.state]}`);
  if (view.sort !== "path" || view.down) hash.set("sort", (view.down ? "-" : "") + view.sort);
  if (view.group) hash.set("group", "1");
  return hash.toString();
}

function read() {
  const hash = new URLSearchParams(location.hash.slice(1));
  const wanted = Number(hash.get("pattern") || 1) - 1;
  view.pattern = patterns[wanted] ? wanted : 0;
  pattern = patterns[view.pattern];
  view.words = hash.get("q") || "";
  const states = hash.has("show") ? hash.get("show").split(" ").map((state) => STATES.indexOf(state)) : [0, 1, 2, 3];
  view.states = new Set(states.filter((state) => state >= 0));
  const [place, state] = (hash.get("only") || "").split(" ");
  const item = pattern.outline.places.indexOf(place);
  view.only = item >= 0 && STATES.includes(state) ? { item, state: STATES.indexOf(state) } : null;
  const sort = hash.get("sort") || "path";
  view.down = sort.startsWith("-");
  view.sort = sort.slice(view.down ? 1 : 0);
  if (!["path", "name", "met", ...pattern.outline.places].includes(view.sort)) view.sort = "path";
  view.group = hash.get("group") === "1";
}

// Work in slices ------------------------------------------------------------------------------

class Job {
  constructor() { this.begun = performance.now(); }
  // Lets the browser draw and take keys from time to time; ends a job that is out of date.
  async pause() {
    if (performance.now() - this.begun < 8) return;
    await new Promise((resolve) => setTimeout(resolve));
    if (this !== current) throw Job.STALE;
    this.begun = performance.now();
  }
}
Job.STALE = Symbol("stale");
let current = null;

// A stable merge sort that can pause.
async function sorted(order, less, job) {
  let from = order;
  let to = new Uint32Array(order.length);
  for (let width = 1; width < order.length; width *= 2) {
    let since = 0;
    for (let low = 0; low < order.length; low += 2 * width) {
      const middle = Math.min(low + width, order.length);
      const high = Math.min(low + 2 * width, order.length);
      let left = low;
      let right = middle;
      for (let at = low; at < high; at++) {
        const takeRight = left >= middle || (right < high && less(from[right], from[left]));
        to[at] = takeRight ? from[right++] : from[left++];
        if (++since % 1024 === 0) await job.pause();
      }
    }
    [from, to] = [to, from];
  }
  return from;
}

async function ordered(job) {
  const key = (view.down ? "-" : "") + view.sort;
  if (pattern.orders.has(key)) return pattern.orders.get(key);
  let order = Uint32Array.from({ length: pattern.size }, (_, run) => run);
  const item = pattern.outline.places.indexOf(view.sort);
  if (view.sort === "path") {
    if (view.down) order.reverse();
  } else if (view.sort === "name") {
    const { names } = pattern;
    const less = view.down ? (a, b) => names[a] > names[b] : (a, b) => names[a] < names[b];
    order = await sorted(order, less, job);
  } else {
    // The worst first: missing, near, unknown, met.
    const ranks = Uint8Array.of(3, 0, 1, 2);
    const rank = (run) => (item < 0 ? pattern.of(run).met : ranks[pattern.of(run).cells[item]]);
    order = counted(order, rank, item < 0 ? pattern.items : 3, view.down);
  }
  pattern.orders.set(key, order);
  return order;
}

// A stable sort by small numbers, which takes a few milliseconds for 100,000.
function counted(order, rank, largest, down) {
  const starts = new Uint32Array(largest + 2);
  const slot = (run) => (down ? largest - rank(run) : rank(run));
  for (const run of order) starts[slot(run) + 1]++;
  for (let at = 1; at < starts.length; at++) starts[at] += starts[at - 1];
  const result = new Uint32Array(order.length);
  for (const run of order) result[starts[slot(run)]++] = run;
  return result;
}

async function filtered(order, job) {
  const words = view.words.toLowerCase().split(/\s+/).filter(Boolean);
  const kept = new Uint32Array(order.length);
  let count = 0;
  for (let at = 0; at < order.length; at++) {
    if (at % 512 === 0) await job.pause();
    const run = order[at];
    const { state, cells } = pattern.of(run);
    if (!view.states.has(state)) continue;
    if (view.only && cells[view.only.item] !== view.only.state) continue;
    if (words.length) {
      const path = shown(pattern.path(run)).toLowerCase();
      if (!words.every((word) => path.includes(word))) continue;
    }
    kept[count++] = run;
  }
  return kept.subarray(0, count);
}

let groups = new Map(); // directory: its runs that pass the filters, and how many are complete

function grouped(kept) {
  const runs = counted(kept, (run) => pattern.directory[run], pattern.directories.length, false);
  groups = new Map();
  for (const run of runs) {
    const directory = pattern.directory[run];
    if (!groups.has(directory)) groups.set(directory, { size: 0, complete: 0 });
    const group = groups.get(directory);
    group.size++;
    if (pattern.of(run).state === 0) group.complete++;
  }
  const result = [];
  let last = -1;
  for (const run of runs) {
    const directory = pattern.directory[run];
    if (directory !== last) result.push(~directory);
    last = directory;
    if (!folded.has(directory)) result.push(run);
  }
  return Int32Array.from(result);
}

let kept = new Uint32Array(0);

async function update() {
  const job = (current = new Job());
  $("grid").setAttribute("aria-busy", "true");
  try {
    kept = await filtered(await ordered(job), job);
  } catch (stale) {
    if (stale !== Job.STALE) throw stale;
    return;
  }
  arrange();
  $("grid").setAttribute("aria-busy", "false");
  const hash = written();
  if (hash !== location.hash.slice(1)) history.replaceState(null, "", `#${hash}`);
}

function arrange() {
  rows = view.group ? grouped(kept) : kept;
  $("shown").textContent = `${number(kept.length)} of ${number(pattern.size)} shown`;
  $("none").hidden = rows.length > 0;
  $("none").textContent = pattern.size
    ? "No run passes the filters." : "No candidates were found: nothing has the name that the pattern asks for.";
  $("grid").hidden = rows.length === 0;
  active.row = Math.max(-1, Math.min(active.row, rows.length - 1));
  grid.renew();
}

function change(changes) {
  Object.assign(view, changes);
  controls();
  active.row = 0;
  $("grid").scrollTop = 0;
  return update();
}

// The table of runs -----------------------------------------------------------------------------

// Columns: 0 name, 1 directory, 2 how many are met, then the items.
const FIXED = 3;

class Grid {
  constructor(element) {
    this.element = element;
    this.live = new Map(); // row: its element
    this.spare = []; // elements of rows that have left the view
    this.printing = false;
    let asked = false;
    element.addEventListener("scroll", () => {
      if (asked) return;
      asked = true;
      requestAnimationFrame(() => { asked = false; this.draw(); });
    }, { passive: true });
    new ResizeObserver(() => { this.columns(); this.draw(); }).observe(element);
    element.addEventListener("click", (event) => this.clicked(event));
    element.addEventListener("keydown", (event) => this.key(event));
  }

  // For another pattern: other columns.
  build() {
    const { outline, tally, size } = pattern;
    const heading = (column, key, label, className, bar) => {
      const cell = el("div", {
        class: `cell ${className}`, role: "columnheader", "aria-colindex": column + 1, id: `head-${column}`,
        "data-sort": key, title: typeof label === "string" ? label : null,
      }, el("span", { class: "label" }, typeof label === "string" ? pieces(label) : label), bar || []);
      return cell;
    };
    this.head = el("div", { id: "head", class: "row", role: "row", "aria-rowindex": 1 },
      heading(0, "name", "Run", "first"), heading(1, "path", "Directory", "directory"), heading(2, "met", "Met", "tally"),
      outline.texts.map((label, item) => heading(item + FIXED, outline.places[item], label, "item name", bar(tally[item], size))));
    this.body = el("div", { id: "body", role: "rowgroup" });
    this.element.replaceChildren(this.head, this.body);
    this.element.setAttribute("aria-colcount", outline.places.length + FIXED);
    this.live.clear();
    this.spare = [];
    this.columns();
  }

  columns() {
    if (!this.head) return;
    const { element } = this;
    const items = pattern.items;
    const width = element.clientWidth || 1000;
    const small = matchMedia("(max-width: 760px)").matches;
    const directory = !small && !view.group;
    const first = small ? Math.min(190, Math.max(110, Math.floor(width * 0.42))) : 190;
    const left = width - first - 64 - (directory ? 220 : 0);
    const signs = left / items < 92;
    const item = signs ? 34 : 92;
    element.classList.toggle("signs-only", signs);
    element.classList.toggle("grouped", view.group);
    const least = first + 64 + (directory ? 220 : 0) + item * items;
    const style = element.style;
    style.setProperty("--columns", [
      `minmax(${first}px, 2fr)`, ...(directory ? ["minmax(220px, 3fr)"] : []), "64px",
      ...(items ? [`repeat(${items}, minmax(${item}px, ${signs ? "0.2fr" : "1fr"}))`] : [])].join(" "));
    style.setProperty("--width", `max(100%, ${least}px)`);
    style.setProperty("--view", `${width}px`);
    style.setProperty("scroll-padding", `${this.head.offsetHeight}px 0 0 ${first}px`);
  }

  // After other filters or another order.
  renew() {
    this.element.setAttribute("aria-rowcount", rows.length + 1);
    for (const cell of this.head.children) {
      const key = cell.dataset.sort;
      cell.setAttribute("aria-sort", key !== view.sort ? "none" : view.down ? "descending" : "ascending");
    }
    this.columns();
    for (const [, element] of this.live) this.drop(element);
    this.live.clear();
    if (this.printing) this.print(true);
    else this.draw();
  }

  drop(element) {
    element.hidden = true;
    this.spare.push(element);
  }

  get visible() { return Math.max(ROW, this.element.clientHeight - this.head.offsetHeight); }

  // Draws the rows in view, with the elements of those that have left it.
  draw() {
    if (!this.head || this.printing) return;
    const whole = rows.length * ROW;
    const tall = Math.min(whole, TALLEST);
    this.body.style.height = `${tall}px`;
    const scrolled = this.element.scrollTop;
    this.factor = whole > tall ? (whole - this.visible) / (tall - this.visible) : 1;
    const top = scrolled * this.factor;
    const first = Math.max(0, Math.floor(top / ROW) - SPARE);
    const last = Math.min(rows.length, Math.ceil((top + this.visible) / ROW) + SPARE);
    for (const [row, element] of this.live) {
      if (row < first || row >= last) {
        this.live.delete(row);
        this.drop(element);
      }
    }
    for (let row = first; row < last; row++) {
      let element = this.live.get(row);
      if (!element) {
        element = this.fill(row);
        this.live.set(row, element);
      } else if (this.factor === 1) continue;
      element.style.transform = `translateY(${Math.round(row * ROW - top + scrolled)}px)`;
    }
    this.mark();
  }

  fill(row) {
    const element = this.spare.pop() || this.blank();
    element.hidden = false;
    element.setAttribute("aria-rowindex", row + 2);
    const entry = rows[row];
    const isGroup = entry < 0;
    element.classList.toggle("group", isGroup);
    const [first, directory, tally, ...items] = element.children;
    first.id = `cell-${row}-0`;
    if (isGroup) {
      const group = groups.get(~entry);
      const isFolded = folded.has(~entry);
      element.setAttribute("aria-expanded", String(!isFolded));
      first.classList.remove("first");
      first.replaceChildren(isFolded ? "▸ " : "▾ ", el("bdi", {}, pieces(pattern.below(~entry) || pattern.base || ".")),
        el("span", { class: "dim" }, ` ${number(group.complete)} of ${number(group.size)} complete`));
    } else {
      element.removeAttribute("aria-expanded");
      first.classList.add("first");
      const { cells, met } = pattern.of(entry);
      first.replaceChildren(el("bdi", {}, pieces(pattern.names[entry] || pattern.path(entry) || ".")));
      directory.firstChild.replaceChildren(...pieces(pattern.below(pattern.directory[entry])));
      tally.textContent = `${met}/${pattern.items}`;
      items.forEach((cell, item) => {
        const state = cells[item];
        cell.id = `cell-${row}-${item + FIXED}`;
        if (cell.dataset.state === STATES[state]) return;
        cell.dataset.state = STATES[state];
        cell.className = `cell item ${STATES[state]}`;
        cell.replaceChildren(el("b", { "aria-hidden": "true" }, SIGNS[state]), el("span", { class: "word" }, ` ${STATES[state]}`));
      });
    }
    directory.id = `cell-${row}-1`;
    tally.id = `cell-${row}-2`;
    [directory, tally, ...items].forEach((cell) => (cell.hidden = isGroup));
    return element;
  }

  blank() {
    const cell = (column, className, role = "gridcell") =>
      el("div", { class: `cell ${className}`, role, "aria-colindex": column + 1 });
    const element = el("div", { class: "row", role: "row" }, cell(0, "first", "rowheader"), cell(1, "directory dim"), cell(2, "tally"),
      Array.from({ length: pattern.items }, (_, item) => cell(item + FIXED, "item")));
    element.children[1].append(el("bdi"));
    this.body.append(element);
    return element;
  }

  cell(row, column) {
    return row < 0 ? this.head.children[column] : this.live.get(row)?.children[rows[row] < 0 ? 0 : column];
  }

  mark() {
    this.element.querySelector(".active")?.classList.remove("active");
    const cell = this.cell(active.row, active.column);
    cell?.classList.add("active");
    if (cell) this.element.setAttribute("aria-activedescendant", cell.id);
    else this.element.removeAttribute("aria-activedescendant");
  }

  go(row, column) {
    const shownColumns = (to, step) => {
      // The directory's column may be hidden.
      while (to > 0 && to < FIXED && this.head.children[to].offsetWidth === 0) to += step;
      return to;
    };
    active = {
      row: Math.max(-1, Math.min(row, rows.length - 1)),
      column: shownColumns(Math.max(0, Math.min(column, pattern.items + FIXED - 1)), column < active.column ? -1 : 1),
    };
    if (active.row >= 0) {
      const { element } = this;
      const top = element.scrollTop * this.factor;
      const at = active.row * ROW;
      const wanted = at < top ? at : at + ROW > top + this.visible ? at + ROW - this.visible : top;
      if (wanted !== top) element.scrollTop = Math.ceil(wanted / this.factor);
    }
    this.draw();
    this.cell(active.row, active.column)?.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (!$("details").hidden) details(active.row, active.column);
  }

  press(row, column) {
    active = { row, column };
    this.mark();
    if (row < 0) {
      const key = this.head.children[column].dataset.sort;
      sortBy(key, key === "met" ? false : undefined);
    } else if (rows[row] < 0) {
      const directory = ~rows[row];
      if (!folded.delete(directory)) folded.add(directory);
      arrange();
    } else details(row, column);
  }

  clicked(event) {
    const cell = event.target.closest(".cell");
    if (!cell || String(getSelection())) return;
    const row = Number(cell.parentElement.getAttribute("aria-rowindex")) - 2;
    this.press(row, [...cell.parentElement.children].indexOf(cell));
  }

  key(event) {
    if (event.altKey || event.metaKey) return;
    const page = Math.max(1, Math.floor(this.visible / ROW) - 1);
    const { row, column } = active;
    const end = event.ctrlKey ? rows.length - 1 : row;
    const moves = {
      ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1],
      PageUp: [Math.max(0, row - page), column], PageDown: [row + page, column],
      Home: [event.ctrlKey ? 0 : row, event.ctrlKey ? column : 0], End: [end, event.ctrlKey ? column : pattern.items + FIXED - 1],
    };
    if (moves[event.key]) this.go(...moves[event.key]);
    else if (event.key === "Enter" || event.key === " ") this.press(row, column);
    else return;
    event.preventDefault();
  }

  // Paper has no view that could be scrolled: the rows are laid out one after the other.
  print(isPrinted) {
    this.printing = isPrinted;
    this.body.replaceChildren();
    this.live.clear();
    this.spare = [];
    if (isPrinted) for (let row = 0; row < Math.min(rows.length, PRINTED); row++) this.live.set(row, this.fill(row));
    else this.draw();
  }
}

// Details ------------------------------------------------------------------------------------------

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
  $("grid").classList.add("open");
  $("details").querySelector(".close").addEventListener("click", closeDetails);
}

function closeDetails() {
  $("details").hidden = true;
  $("grid").classList.remove("open");
  $("grid").focus({ preventScroll: true });
}

// What stands around the table -----------------------------------------------------------------------

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

// No rounding to 100% or 0% of what is neither.
function share(part, whole) {
  if (!whole) return "–";
  const percent = (100 * part) / whole;
  return `${part === whole ? 100 : Math.min(99.9, Math.max(part ? 0.1 : 0, percent)).toFixed(percent < 10 || percent > 99 ? 1 : 0)}%`;
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
  if (!$("details").hidden) closeDetails();
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
  $("pattern").replaceChildren(...patterns.map((each) =>
    el("option", {}, `${shown(each.outline.text).slice(0, 200)} (${number(each.totals[0])} of ${number(each.size)} complete)`)));
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
    else if (!$("details").hidden) closeDetails();
  } else if (!isTyping && KEYS[event.key]) {
    event.preventDefault();
    KEYS[event.key]();
  }
});

const grid = new Grid($("grid"));
$("filter").addEventListener("input", () => change({ words: $("filter").value }));
$("filters").addEventListener("submit", (event) => { event.preventDefault(); $("grid").focus(); });
$("group").addEventListener("change", () => change({ group: $("group").checked }));
$("only").addEventListener("click", () => change({ only: null }));
$("clear").addEventListener("click", () => change({ only: null, words: "", states: new Set([0, 1, 2, 3]) }));
$("pattern").addEventListener("change", () => choose($("pattern").selectedIndex));
$("theme").addEventListener("click", nextTheme);
$("help-button").addEventListener("click", KEYS["?"]);
window.addEventListener("hashchange", () => {
  if (location.hash.slice(1) === written()) return;
  read();
  openPattern();
  change({});
});
matchMedia("print").addEventListener("change", (event) => {
  const more = rows.length - PRINTED;
  $("shown").textContent = `${number(kept.length)} of ${number(pattern.size)} shown` +
    (event.matches && more > 0 ? `, the first ${number(PRINTED)} printed: filter them to print others` : "");
  grid.print(event.matches);
});

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
})();
