// The table of runs: only rows in view have elements.

// Columns: 0 name, 1 directory, 2 how many are met, then the items.
const FIXED = 3;

class Grid {
  constructor(element) {
    this.element = element;
    this.live = new Map(); // row: its element
    this.spare = { run: [], group: [] }; // elements of rows that have left the view
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
    const heading = (column, key, label, className, below = []) => el("div", {
      class: `cell ${className}`, role: "columnheader", "aria-colindex": column + 1, id: `head-${column}`,
      "data-sort": key, title: shown(label),
    }, el("span", { class: "label" }, pieces(label)), below);
    this.head = el("div", { id: "head", class: "row", role: "row", "aria-rowindex": 1 },
      heading(0, "name", "Run", "first"), heading(1, "path", "Directory", "directory"), heading(2, "met", "Met", "tally"),
      outline.texts.map((label, item) => heading(item + FIXED, outline.places[item], label, "item name", bar(tally[item], size))));
    this.body = el("div", { id: "body", role: "rowgroup" });
    this.element.replaceChildren(this.head, this.body);
    this.element.setAttribute("aria-colcount", outline.places.length + FIXED);
    this.live.clear();
    this.spare = { run: [], group: [] };
    this.layout = "";
    this.columns();
  }

  // How wide the columns are: requirements have a word in each cell where there is room for it.
  columns() {
    if (!this.head) return;
    const { element, printing } = this;
    const { items } = pattern;
    // A sheet of paper, of which nobody tells how wide it is, is about as wide as that.
    const width = printing ? 700 : element.clientWidth || 1000;
    const small = !printing && matchMedia("(max-width: 760px)").matches;
    // Where there is room for it, and it is not told elsewhere.
    const directory = small || view.group || element.classList.contains("open") ? 0 : printing ? 150 : 220;
    const first = small ? Math.min(190, Math.max(110, Math.floor(width * 0.42))) : printing ? 150 :
      Math.min(310, Math.max(130, 8.3 * pattern.longest + 24)); // room for names
    const tally = 64;
    const word = 100; // the longest is "unknown", with its sign
    const signs = (width - first - directory - tally) / items < word;
    const item = signs ? 34 : word;
    element.classList.toggle("signs-only", signs);
    element.classList.toggle("narrow", !directory);
    const columns = [`minmax(${first}px, 2fr)`];
    if (directory) columns.push(`minmax(${directory}px, 3fr)`);
    columns.push(`${tally}px`);
    if (items) columns.push(`repeat(${items}, minmax(${item}px, ${signs ? "0.2fr" : "1fr"}))`);
    const least = `max(100%, ${first + directory + tally + item * items}px)`;
    const padding = `${this.head.offsetHeight}px 0 0 ${first}px`;
    // To set what is set already would have all rows laid out again.
    const layout = [columns, least, width, padding].join();
    if (layout === this.layout) return;
    this.layout = layout;
    const { style } = element;
    style.setProperty("--columns", columns.join(" "));
    style.setProperty("--width", least);
    style.setProperty("--view", `${width}px`);
    style.setProperty("scroll-padding", padding);
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

  drop(element) { this.spare[element.classList.contains("group") ? "group" : "run"].push(element); }

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
    for (const element of [...this.spare.run, ...this.spare.group]) element.hidden = true;
    this.mark();
  }

  fill(row) {
    const entry = rows[row];
    const kind = entry < 0 ? "group" : "run";
    const element = this.spare[kind].pop() || (entry < 0 ? this.blankGroup() : this.blankRun());
    element.hidden = false;
    element.setAttribute("aria-rowindex", row + 2);
    [...element.children].forEach((cell, column) => (cell.id = `cell-${row}-${column}`));
    if (entry < 0) this.fillGroup(element.firstChild, ~entry);
    else this.fillRun(element.children, entry);
    return element;
  }

  fillGroup(cell, directory) {
    const isFolded = folded.has(directory);
    cell.setAttribute("aria-expanded", String(!isFolded));
    cell.replaceChildren(isFolded ? "▸ " : "▾ ", el("bdi", {}, pieces(pattern.below(directory) || pattern.base || ".")),
      el("span", { class: "dim" }, ` ${number(groups.complete[directory])} of ${number(groups.size[directory])} complete`));
  }

  fillRun([first, directory, tally, ...items], run) {
    const { cells, met } = pattern.of(run);
    put(first.firstChild, pattern.names[run] || pattern.path(run) || ".");
    put(directory.firstChild, pattern.below(pattern.directory[run]));
    tally.textContent = `${met}/${pattern.items}`;
    items.forEach((cell, item) => {
      const state = STATES[cells[item]];
      if (cell.dataset.state === state) return;
      cell.dataset.state = state;
      cell.className = `cell item ${state}`;
      cell.firstChild.textContent = SIGNS[cells[item]];
      cell.lastChild.textContent = ` ${state}`;
    });
  }

  blankGroup() {
    const element = el("div", { class: "row group", role: "row" },
      el("div", { class: "cell", role: "rowheader", "aria-colindex": 1, "aria-colspan": pattern.items + FIXED }));
    this.body.append(element);
    return element;
  }

  blankRun() {
    const cell = (column, className, role, ...content) =>
      el("div", { class: `cell ${className}`, role, "aria-colindex": column + 1 }, content);
    const element = el("div", { class: "row", role: "row" },
      cell(0, "first", "rowheader", el("bdi")), cell(1, "directory dim", "gridcell", el("bdi")), cell(2, "tally", "gridcell"),
      Array.from({ length: pattern.items }, (_, item) =>
        cell(item + FIXED, "item", "gridcell", el("b", { "aria-hidden": "true" }), el("span", { class: "word" }))));
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

  // Whether details are shown beside it, or over it.
  open(isOpen) {
    if (this.element.classList.toggle("open", isOpen) !== isOpen) return;
    this.columns();
    this.draw();
  }

  // On small screens the details may cover the cell that they are of.
  uncover() {
    const cell = this.cell(active.row, active.column);
    const sheet = $("details");
    if (!cell || getComputedStyle(sheet).position !== "fixed") return;
    const hidden = cell.getBoundingClientRect().bottom + ROW - sheet.getBoundingClientRect().top;
    if (hidden > 0) scrollBy(0, hidden);
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
      update(false);
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
    this.columns();
    this.body.replaceChildren();
    this.live.clear();
    this.spare = { run: [], group: [] };
    if (isPrinted) for (let row = 0; row < Math.min(rows.length, PRINTED); row++) this.live.set(row, this.fill(row));
    else this.draw();
  }
}

