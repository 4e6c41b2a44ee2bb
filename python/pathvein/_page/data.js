// The data of the page, which is as `data.py` writes it.

const data = JSON.parse(await inflated(document.getElementById("data").textContent));

// JSON as it stands, or, if it is long, as gzip in Base64.
async function inflated(text) {
  if (text.startsWith("{")) return text;
  const bytes = Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}

// Each text without what it has in common with the one before.
function unpack({ keep, rest }) {
  let text = "";
  return rest.map((end, index) => (text = text.slice(0, keep[index]) + end));
}

// The number of each detail is relative to the last.
let last = 0;
for (const flat of data.lacks) for (let at = 2; at < flat.length; at += 3) flat[at] = last += flat[at];

// [item, state, detail, item, state, detail...]
function findings(flat) {
  const found = [];
  for (let at = 0; at < flat.length; at += 3) {
    found.push({ item: flat[at], state: flat[at + 1], detail: detailOf(flat[at + 2]) });
  }
  return found;
}

function detailOf(index) {
  const [found, count = found.length, reason = null, path = null, outline = -1, inside = [], empty = 0] = data.details[index];
  return { found, count, reason, path, outline: outline < 0 ? null : data.outlines[outline], inside, empty };
}

class Pattern {
  constructor(raw) {
    this.drawing = raw.text;
    this.outline = data.outlines[raw.outline];
    this.items = this.outline.places.length;
    this.size = raw.lacks.length;
    this.raw = raw;
    // The number of what a run lacks is relative to that of the run before.
    let lacks = 0;
    this.lacks = Uint32Array.from(raw.lacks, (step) => (lacks += step));
    // Of each distinct combination of lacks that occurs: what it means for a run.
    this.kinds = [];
    this.tally = this.outline.places.map(() => [0, 0, 0, 0]);
    this.totals = [0, 0, 0, 0];
    const runs = new Uint32Array(data.lacks.length);
    for (const lacks of this.lacks) runs[lacks]++;
    runs.forEach((count, lacks) => {
      if (!count) return;
      const cells = new Uint8Array(this.items);
      const flat = data.lacks[lacks];
      for (let at = 0; at < flat.length; at += 3) cells[flat[at]] = flat[at + 1];
      const state = cells.includes(1) ? 1 : cells.includes(2) ? 2 : cells.includes(3) ? 3 : 0;
      this.kinds[lacks] = { cells, state, met: cells.filter((cell) => cell === 0).length };
      this.totals[state] += count;
      cells.forEach((cell, item) => (this.tally[item][cell] += count));
    });
  }

  // What takes longest is done when the pattern is first shown.
  open() {
    if (this.names) return;
    this.names = unpack(this.raw.names);
    this.longest = this.names.reduce((longest, each) => Math.max(longest, each.length), 0);
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

  below(directory) {
    const behind = this.raw.behind[directory];
    // In an archive, which has to be told.
    if (behind) return this.directories[directory].replace(/(?<![:/])[/]$/, "") + behind;
    return this.directories[directory].slice(this.base.length).replace(/[/\\]$/, "");
  }
  path(run) {
    const directory = this.directory[run];
    return this.directories[directory] + this.names[run] + (this.raw.behind[directory] || "");
  }
  of(run) { return this.kinds[this.lacks[run]]; }
  findings(run) { return findings(data.lacks[this.lacks[run]]); }
}

const patterns = data.patterns.map((raw) => new Pattern(raw));

