// What the scripts share, and names as they are shown: they come from a file system and may be
// anything, so they become text nodes only, never HTML.

// Items of a run, and runs, have one of these states; the numbers are those of the data.
const STATES = ["met", "missing", "near", "unknown"];
const SIGNS = ["✓", "✗", "≈", "?"];
const MEANINGS = [
  "is there as asked", "is missing, and nothing comes close",
  "is missing, but something comes close, or there is too little of it",
  "cannot be told, as something could not be read",
];
// How runs of these states are called.
const RUNS = ["complete", "missing", "near", "unknown"];
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
  "name": "has the name, but not all that is asked",
};
const PRINTED = 2000; // rows; a browser lays out no hundred thousand pages
const SPARE = 8; // rows that are drawn above and below those in view
const TALLEST = 15e6; // pixels; browsers bound the height of an element
const ROW = 30; // as --row in the style
const number = new Intl.NumberFormat("en").format;
const $ = (id) => document.getElementById(id);

// What cannot be seen, would reorder the text around it, or is no character.
const HIDDEN = new RegExp(
  "[\\u0000-\\u001f\\u007f-\\u00a0\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180e\\u2000-\\u200b" +
  "\\u200e\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u3164\\ufeff\\uffa0\\ufff0-\\uffff\\p{Cs}\\p{Cn}\\p{Co}]" +
  "|[\\u{e0000}-\\u{e0fff}]|^ +| +$", "gu");
const PLAIN = /^(?! )[\x20-\x7e]*(?<! )$/;

function escaped(text) {
  if (text.startsWith(" ")) return "␣".repeat(text.length);
  const code = text.codePointAt(0);
  // A byte that is no text, as pathvein shows it elsewhere, too.
  if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`;
  const short = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }[text];
  if (short) return short;
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

// Puts a name into an element in place of another.
function put(element, text) {
  if (PLAIN.test(text)) element.textContent = text;
  else element.replaceChildren(...pieces(text));
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
const spelt = (text) => text.replace(/[^\x20-\x7e]/gu, escaped);
