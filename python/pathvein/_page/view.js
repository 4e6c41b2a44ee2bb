// What is looked at: the filters and the order, and which runs these leave.

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

// Work in slices
// A message comes at once where a timer would wait 4 ms, and still after what the browser has to do.
const later = new MessageChannel();
const waiting = [];
later.port1.onmessage = () => waiting.shift()();

class Job {
  constructor() { this.begun = performance.now(); }
  // Lets the browser draw and take keys from time to time; ends a job that is out of date.
  async pause() {
    if (performance.now() - this.begun < 8) return;
    await new Promise((resolve) => {
      waiting.push(resolve);
      later.port2.postMessage(null);
    });
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

// Of each directory: how many of its runs pass the filters, and how many of these are complete.
let groups = { size: new Uint32Array(0), complete: new Uint32Array(0) };

async function grouped(kept, job) {
  const { directory, directories } = pattern;
  const size = new Uint32Array(directories.length);
  const complete = new Uint32Array(directories.length);
  for (const run of kept) {
    if (run % 1024 === 0) await job.pause();
    size[directory[run]]++;
    if (pattern.of(run).state === 0) complete[directory[run]]++;
  }
  const result = new Int32Array(kept.length + directories.length);
  let count = 0;
  let last = -1;
  for (const run of counted(kept, (each) => directory[each], directories.length, false)) {
    if (run % 1024 === 0) await job.pause();
    if (directory[run] !== last) {
      last = directory[run];
      result[count++] = ~last;
    }
    if (!folded.has(last)) result[count++] = run;
  }
  groups = { size, complete };
  return result.subarray(0, count);
}

let kept = new Uint32Array(0);

// Applies the filters and the order again; or, if only directories were folded, what follows.
async function update(again = true) {
  const job = (current = new Job());
  $("grid").setAttribute("aria-busy", "true");
  try {
    if (again) kept = await filtered(await ordered(job), job);
    rows = view.group ? await grouped(kept, job) : kept;
  } catch (stale) {
    if (stale !== Job.STALE) throw stale;
    return;
  }
  $("shown").textContent = `${number(kept.length)} of ${number(pattern.size)} shown`;
  $("none").hidden = rows.length > 0;
  $("none").textContent = pattern.size
    ? "No run passes the filters." : "No candidates were found: nothing has the name that the pattern asks for.";
  $("grid").hidden = rows.length === 0;
  active.row = Math.max(-1, Math.min(active.row, rows.length - 1));
  grid.renew();
  $("grid").setAttribute("aria-busy", "false");
  const hash = written();
  if (hash !== location.hash.slice(1)) history.replaceState(null, "", `#${hash}`);
}

function change(changes) {
  Object.assign(view, changes);
  controls();
  // They are of a cell that may not be shown any more, or elsewhere.
  closeDetails(false);
  active.row = 0;
  $("grid").scrollTop = 0;
  return update();
}

