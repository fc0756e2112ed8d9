// What both pages need. All text of others goes through textContent: it is never read as HTML.

const { base, run } = document.documentElement.dataset;
export const runId = run;
export const pageOf = (id) => `${base}/runs/${encodeURIComponent(id)}`;
export const apiOf = (...path) => [`${base}/api/runs`, ...path.map(encodeURIComponent)].join("/");
/** The address of what is asked of all runs at once. */
export const apiOfAll = (what) => `${base}/api/${what}`;
export const ENDED = new Set(["done", "failed", "cancelled"]);

const ICONS = {
  starting: "M8 2.5a5.5 5.5 0 1 1-5.5 5.5",
  running: "M8 2.5a5.5 5.5 0 1 1-5.5 5.5",
  done: "M3 8.5l3.2 3.2L13 5",
  failed: "M4 4l8 8M12 4l-8 8",
  cancelled: "M4.5 4.5h7v7h-7z",
  skipped: "M4 4l4 4-4 4M11 4v8",
  waiting: "M8 4v4l2.5 2M8 2a6 6 0 1 1-.01 0z",
  unreadable: "M8 3.5v5.5M8 12v.4",
  unfinished: "M8 3.5v5.5M8 12v.4",
  lost: "M8 3.5v5.5M8 12v.4",
};

/** Make an element. `properties` are set on it; strings among `children` become text. */
export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** Make an element of a drawing, with attributes. */
export function drawn(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** The icon of a state, 16 by 16. */
export function icon(state) {
  return drawn("path", { d: ICONS[state] ?? ICONS.waiting, class: "icon" });
}

/** A state in words, with its icon and its colour. */
export function badge(state, words = state) {
  const picture = drawn("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, icon(state));
  return element("span", { className: `badge ${state}` }, picture, words);
}

/** Seconds in words. */
export function duration(seconds) {
  if (seconds === null || !(seconds >= 0)) return "";
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}

/** A time of the server's clock, as an element. */
export function moment(seconds) {
  const date = new Date(seconds * 1000);
  const text = date.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" });
  return element("time", { dateTime: date.toISOString() }, text);
}

/** Bytes in words. */
export function size(bytes) {
  if (bytes === 1) return "1 byte";
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let unit = 0;
  for (; bytes >= 1000 && unit < 4; unit++) bytes /= 1000;
  return `${unit && bytes < 10 ? bytes.toFixed(1) : Math.round(bytes)} ${units[unit]}`;
}

// Python hands over each byte of a name that is no UTF-8 as one of these letters.
const BYTE = /([\udc80-\udcff])/u;

function withBytes(name, sign, encode) {
  const parts = name.split(BYTE);
  return parts.map((part) => BYTE.test(part) ? sign + (part.charCodeAt(0) - 0xdc00).toString(16) : encode(part)).join("");
}

/** The path of a file as a part of an address. */
export const encodedPath = (path) => withBytes(path, "%", (text) => text.split("/").map(encodeURIComponent).join("/"));

/** The path of a file for people. */
export const readablePath = (path) => withBytes(path, "\\x", (text) => text);

/** The server answers with a sentence. Asking again does not help. */
export class Refused extends Error {}

/** What asking again may help against, in a sentence. */
export class Unavailable extends Error {}

/** Ask the server. Resolves to what it answers. */
export async function ask(url, method = "GET") {
  const cookie = document.cookie.match("\\b_xsrf=([^;]*)\\b");
  const headers = method === "POST" && cookie ? { "X-XSRFToken": cookie[1] } : {};
  const answer = await fetch(url, { method, headers, cache: "no-store" }).catch((error) => {
    console.warn(error);
    throw new Unavailable("Not connected to the server.");
  });
  if (answer.ok) return answer.json();
  if (answer.status === 403) throw new Refused("You are not logged in, or may not see this. Reload the page.");
  const { message } = await answer.json().catch(() => ({}));
  if ([400, 404, 409].includes(answer.status) && message) throw new Refused(message);
  if (answer.status === 503 && message) throw new Unavailable(message);
  throw new Unavailable(`The server answered with an error (${answer.status}).`);
}

/** Ask the user a question, to which `yes` is one of two answers. Resolves to whether it was given. */
export function confirmed(question, consequence, yes) {
  const dialog = element("dialog", { className: "question" });
  const answer = (value, text, className) => element("button", { className, onclick: () => dialog.close(value) }, text);
  dialog.setAttribute("aria-labelledby", "question");
  dialog.append(
    element("h2", { id: "question" }, question), element("p", {}, consequence),
    element("p", { className: "buttons" }, answer("no", "Keep", ""), answer("yes", yes, "danger")));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => {
    dialog.remove();
    resolve(dialog.returnValue === "yes");
  }));
}

/** Ask whether a run may be deleted. */
export const mayDelete = (pipeline, submitted) => confirmed(
  `Delete this run of ${pipeline}?`,
  `It was submitted on ${moment(submitted).textContent}. Its logs and the files that its nodes left are removed for `
    + "good. Your pipeline and its files stay.",
  "Delete the run");

/** Go to the list of all runs, which tells that sentence. */
export function goToList(text) {
  sessionStorage.setItem("told", text);
  location.assign(`${base}/runs`);
}

/** Show a sentence in the element `id`, or hide it where there is none. */
export function say(id, text) {
  const place = document.getElementById(id);
  if (place.textContent !== text) place.textContent = text;
  place.hidden = !text;
}

function sentenceOf(error) {
  if (error instanceof Refused) return error.message;
  if (error instanceof Unavailable) return `${error.message} This page tries again by itself.`;
  console.warn(error);
  return `What the server tells cannot be shown (${error.message}). This page tries again by itself.`;
}

/** Call `look`, again and again for as long as it resolves to a number of milliseconds: those to wait. */
export function keepLooking(look) {
  let timer, looking = false, over = false;
  async function once() {
    if (looking || over) return;
    clearTimeout(timer);
    looking = true;
    let pause;
    try {
      pause = await look();
      say("connection", "");
    } catch (error) {
      say("connection", sentenceOf(error));
      pause = error instanceof Refused ? null : 3000;
    }
    looking = false;
    over = pause === null;
    if (!over) timer = setTimeout(once, document.hidden ? Math.max(pause, 10_000) : pause);
  }
  document.addEventListener("visibilitychange", () => document.hidden || once());
  once();
  return once;
}
