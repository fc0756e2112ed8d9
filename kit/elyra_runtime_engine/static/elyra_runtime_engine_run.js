// The page of one run. It asks the server what happened since it last asked, and changes what that touches.

import {
  ENDED, Unavailable, apiOf, ask, badge, duration, element, encodedPath, goToList, keepLooking, mayDelete, moment, pageOf,
  readablePath, runId, say, size,
} from "./elyra_runtime_engine_common.js";
import { Graph } from "./elyra_runtime_engine_graph.js";
import { Log } from "./elyra_runtime_engine_log.js";

const at = (id) => document.getElementById(id);
const run = { state: "", times: 1 };
let nodes = [];
let rows = [];
let graph, log, chosen = null, skew = 0;

const now = () => Date.now() / 1000 + skew;
const isOver = () => ENDED.has(run.state);

// --- What is known -------------------------------------------------------------------------------------------------

/** Take in an answer. Returns the numbers of the nodes that it changes. */
function learn(answer) {
  const changed = new Set();
  skew = answer.now - Date.now() / 1000;
  const wasOver = isOver();
  if (answer.nodes) {
    nodes = answer.nodes.map((node) => ({ ...node, state: "waiting", attempts: [] }));
    nodes.forEach((_, number) => changed.add(number));
  }
  for (const event of answer.events) {
    run.last = event.time;
    if (event.run) run[event.run] = event.time;
    if (event.links) run.links = event.links;
    if (event.waiting !== undefined || event.state === "running") run.waiting = event.waiting;
    if (event.again) run.times++;
    for (const [number, reason] of event.again ?? []) {
      nodes[number] = { ...anew(nodes[number]), because: reason };
      changed.add(number);
    }
    for (const [number, attempt] of event.intends ?? []) beginAttempt(nodes[number], attempt);
    const node = nodes[event.node];
    if (!node) continue;
    const { attempts: tries = node.tries, ...news } = event;
    Object.assign(node, news, { tries });
    if (event.state === "running") node.started = event.time;
    note(node, event);
    changed.add(event.node);
  }
  const { events, nodes: _, ...facts } = answer;
  Object.assign(run, facts);
  if (isOver() && !wasOver) nodes.forEach((_, number) => changed.add(number));
  return changed;
}

const PLANNED = ["name", "kind", "file", "environment", "parents", "resources", "notes", "attempts"];

/** What is left of a node that runs again: what was planned, and its attempts. */
function anew(node) {
  const planned = Object.fromEntries(PLANNED.map((name) => [name, node[name]]));
  return { ...planned, state: "waiting" };
}

/** An attempt of a node begins. Why there is one more, is known from what came before. */
function beginAttempt(node, number) {
  node.attempts.push({ number, state: "waiting", because: node.because ?? "" });
}

/** Take in what an event says of the attempt of `node` that it is about. */
function note(node, event) {
  const attempt = node.attempts.find(({ number }) => number === event.attempt);
  if (event.lost) node.because = event.lost;
  if (attempt) Object.assign(attempt, event, { state: event.lost ? "lost" : event.state ?? attempt.state });
}

/** How a node looks: its state, or, where the run has ended before the node, that it did not finish. */
function look(node) {
  if (!isOver()) return node.state;
  return { running: "unfinished", waiting: "skipped" }[node.state] ?? node.state;
}

function inWords(node) {
  const words = { unfinished: "did not finish", skipped: "not run" };
  return words[look(node)] ?? (node.taken_over ? "done earlier" : node.state);
}

function secondsOf(node) {
  if (node.state === "running") return (isOver() ? run.last : now()) - node.started;
  return node.seconds ?? null;
}

// --- The run -------------------------------------------------------------------------------------------------------

function showRun() {
  const state = run.cancelling && !isOver() ? "ending" : run.state;
  document.title = `${state} · ${run.pipeline}`;
  at("pipeline").textContent = run.pipeline;
  if (at("state").textContent !== state) at("state").replaceChildren(badge(run.state, state));
  say("error", run.state === "failed" ? run.error : isOver() ? "" : run.waiting ?? "");
  at("cancel").hidden = isOver();
  at("cancel").disabled = Boolean(run.cancelling);
  at("delete").hidden = !isOver();
  at("again").hidden = !["failed", "cancelled"].includes(run.state);
  at("again").textContent = run.state === "cancelled" ? "Run again from here" : "Run again from the failed node";
}

function showFacts() {
  const end = isOver() ? run.last ?? run.submitted : now();
  const links = isOver() ? [] : run.links ?? [];
  const facts = [
    ["Submitted", moment(run.submitted)],
    ["Started", run.running ? moment(run.running) : null],
    ["Duration", duration(end - (run.running ?? run.submitted))],
    ["Configuration", run.configuration],
    ["Runs on", run.place === "local" ? "this machine" : run.place],
    ...links.map(([title, href, note]) =>
      [title, element("span", {}, outside(href, "Open"), element("small", {}, ` ${note}`))]),
    ["On disk", run.bytes === undefined ? null : size(run.bytes)],
    ["Goes on from", run.again ? element("a", { href: pageOf(run.again) }, run.again) : null],
    ["Run", run.id],
  ];
  fill(at("facts"), facts);
}

/** Fill a list of facts, and leave alone what has not changed: a link may have the focus. */
function fill(list, facts) {
  const there = facts.filter(([, value]) => value);
  const text = JSON.stringify(there.map(([name, value]) => [name, value.textContent ?? value]));
  if (list.dataset.shown === text) return;
  const same = list.children.length === there.length;
  there.forEach(([name, value], place) => {
    const pair = element("div", {}, element("dt", {}, name), element("dd", {}, value));
    const old = list.children[place];
    if (!same) list.append(pair);
    else if (old.textContent !== pair.textContent) old.replaceWith(pair);
  });
  if (!same) for (let extra = list.children.length - there.length; extra > 0; extra--) list.firstChild.remove();
  list.dataset.shown = text;
}

function outside(href, text) {
  const safe = /^https?:/.test(href);
  return safe ? element("a", { href, target: "_blank", rel: "noopener" }, text) : text;
}

function showCounts() {
  const counts = new Map();
  for (const node of nodes) {
    const key = look(node);
    counts.set(key, { words: inWords(node).replace("done earlier", "done"), count: (counts.get(key)?.count ?? 0) + 1 });
  }
  const order = ["done", "running", "failed", "unfinished", "cancelled", "skipped", "waiting"];
  const parts = order.filter((key) => counts.has(key)).map((key) => ({ key, ...counts.get(key) }));
  at("counts").textContent = parts.map(({ count, words }) => `${count} ${words}`).join(", ");
  at("bar").replaceChildren(...parts.map(({ key, count }) => {
    const part = element("span", { className: key });
    part.style.flexGrow = count;
    return part;
  }));
}

// --- The nodes -----------------------------------------------------------------------------------------------------

function drawNodes() {
  graph = new Graph(at("graph"), nodes, choose);
  rows = nodes.map((node, number) => {
    const button = element("button", { className: "link", onclick: () => choose(number) }, node.name);
    const cells = ["Node", "State", "Kind", "Duration", "Host"].map((name) => {
      const cell = element("td");
      cell.dataset.name = name;
      return cell;
    });
    cells[0].append(button);
    cells[2].textContent = node.kind;
    return element("tr", {}, ...cells);
  });
  document.querySelector("#nodes tbody").replaceChildren(...rows);
}

function showNode(number) {
  const node = nodes[number];
  graph.show(number, look(node), inWords(node));
  const cells = rows[number].cells;
  cells[1].replaceChildren(badge(look(node), inWords(node)));
  cells[4].textContent = node.host ?? "";
  showSeconds(number);
}

function showSeconds(number) {
  rows[number].cells[3].textContent = duration(secondsOf(nodes[number]));
}

// --- The node that is chosen ---------------------------------------------------------------------------------------

/** Choose a node, as the user does. On a small screen, this leads to its details. */
function choose(number) {
  select(number);
  history.replaceState(null, "", `#node-${number + 1}`);
  const { top } = at("details").getBoundingClientRect();
  if (top >= 0 && top < innerHeight - 120) return;
  at("details").scrollIntoView();
  at("details").focus({ preventScroll: true });
}

function select(number) {
  chosen = number;
  graph.choose(number);
  rows.forEach((row, other) => row.classList.toggle("chosen", other === number));
  openDetails(nodes[number].name);
  followLog();
}

function followLog() {
  if (chosen === null) return;
  const running = nodes[chosen].state === "running" && !isOver();
  const ran = nodes[chosen].state !== "waiting" && look(nodes[chosen]) !== "skipped";
  log.place.hidden = !ran;
  if (ran) log.follow(running, nodes[chosen].attempt);
}

function openDetails(name) {
  const heading = element("h2", { id: "details-heading" }, name);
  const place = (name) => element("div", { className: `of-${name}` });
  const facts = element("dl", { className: "facts of-facts" });
  log = new Log(chosen);
  const parts = [heading, place("state"), place("error"), facts, place("attempts"), place("files"), log.place];
  parts.push(place("notes"));
  at("details").replaceChildren(...parts);
  showDetails();
}

function showDetails() {
  if (chosen === null) return;
  const node = nodes[chosen];
  const part = (name) => at("details").querySelector(`.of-${name}`);
  const news = JSON.stringify([node, run.state]);
  if (part("state").dataset.shown !== news) {
    part("state").dataset.shown = news;
    part("state").replaceChildren(badge(look(node), inWords(node)));
    part("error").replaceChildren(...(node.error ? [element("p", { className: "error" }, node.error)] : []));
    part("notes").replaceChildren(...notesOf(node));
    part("attempts").replaceChildren(...attemptsOf(node));
    part("files").replaceChildren(...filesOf(node));
  }
  fill(part("facts"), factsOf(node));
}

function factsOf(node) {
  const asked = Object.entries(node.resources).map(([name, value]) => `${name} ${value}`);
  const ended = node.state !== "running" && node.seconds !== undefined && !node.taken_over;
  const earlier = node.taken_over && element("a", { href: pageOf(node.taken_over) }, node.taken_over);
  return [
    ["Kind", node.kind],
    ["File", node.file],
    ["Taken over from", earlier],
    ["Waits for", waitsFor(node)],
    ["Started", node.started ? moment(node.started) : null],
    ["Ended", ended ? moment(node.time) : null],
    ["Duration", duration(secondsOf(node))],
    ["Host", node.host],
    ["Worker", node.worker],
    ["Attempts", node.tries > 1 ? String(node.tries) : null],
    ["Asks for", asked.join(", ")],
    ["Environment variables", node.environment.join(", ")],
  ];
}

function waitsFor(node) {
  if (node.state !== "waiting" || isOver()) return null;
  const open = node.parents.filter((parent) => nodes[parent].state !== "done").map((parent) => nodes[parent].name);
  if (!open.length) return "a free worker";
  return open.length > 3 ? `${open.slice(0, 3).join(", ")} and ${open.length - 3} more` : open.join(", ");
}

function notesOf(node) {
  const lost = node.lost && `An earlier attempt came to nothing. ${node.lost}`;
  const notes = [...node.notes, node.placing, lost].filter(Boolean);
  return notes.length ? [element("ul", { className: "notes" }, ...notes.map((note) => element("li", {}, note)))] : [];
}

/** The attempts of a node that has more than one: how each ended, why it was made, and what it printed. */
function attemptsOf(node) {
  if (node.attempts.length < 2) return [];
  const items = node.attempts.map((attempt) => {
    const log = `${apiOf(runId, "files", String(chosen))}/attempts/${attempt.number}/log.txt?open=1`;
    const label = `Log of attempt ${attempt.number}`;
    return element("li", {},
      element("span", {}, `${attempt.number}`), badge(look(attempt), inWords(attempt)),
      element("span", { className: "name" }, attempt.because),
      element("a", { href: log, target: "_blank", ariaLabel: label }, "Log"));
  });
  return [element("h3", {}, "Attempts"), element("ul", { className: "files" }, ...items)];
}

function filesOf(node) {
  if (!node.files?.length) return [];
  const list = element("ul", { className: "files" });
  for (const [name, bytes] of node.files) {
    const href = `${apiOf(runId, "files", String(chosen))}/${encodedPath(name)}`;
    const shown = readablePath(name).replace(/^outputs\//, "");
    const open = element("a", { href: `${href}?open=1`, target: "_blank", ariaLabel: `Open ${shown}` }, "Open");
    const download = element("a", { href, download: "", ariaLabel: `Download ${shown}` }, "Download");
    const opens = run.opened.some((end) => name.toLowerCase().endsWith(end));
    const links = [element("span", { className: "name" }, shown), element("small", {}, size(bytes))];
    links.push(...(opens ? [open, download] : [download]));
    list.append(element("li", {}, ...links));
  }
  return [element("h3", {}, "Files"), list];
}

// --- What keeps the page up to date --------------------------------------------------------------------------------

let begun = false;

function begin() {
  begun = true;
  at("run").hidden = false;
  drawNodes();
  graph.reveal(Math.max(0, nodes.findIndex((node) => node.state === "running")));
  at("details").append(element("h2", { id: "details-heading" }, "Details"));
  at("details").append(element("p", { className: "hint" }, "Choose a node to see its log and its files."));
}

/** Show the node that the address names, or else one that failed. */
function selectFirst() {
  const named = Number(location.hash.match(/^#node-(\d+)$/)?.[1]) - 1;
  const failed = nodes.findIndex((node) => node.state === "failed");
  if (named in nodes) select(named);
  else if (failed >= 0) select(failed);
}

/** Show what changes with the time alone. */
function tick() {
  showFacts();
  nodes.forEach((node, number) => node.state === "running" && showSeconds(number));
  showDetails();
}

async function lookOnce() {
  const changed = learn(await ask(begun ? `${apiOf(runId)}?after=${run.next}` : apiOf(runId)));
  if (!begun) begin();
  changed.forEach(showNode);
  if (changed.size) showCounts();
  showRun();
  tick();
  if (chosen === null) selectFirst();
  else followLog();
  measure();
  if (!isOver()) return 1000;
  return run.state === "done" ? null : 10_000;  // somebody may run it again in another window
}

/** Ask how much room the run takes: at first, and when it is over. */
async function measure() {
  if (run.measured === isOver()) return;
  run.measured = isOver();
  try {
    Object.assign(run, await ask(apiOf(runId, "usage")));
    showFacts();
  } catch (error) {
    console.warn(error);  // nothing depends on it
  }
}

async function act(event) {
  event.target.disabled = true;
  say("refused", "");
  try {
    const { id } = await ask(`${apiOf(runId, event.target.id)}?times=${run.times}`, "POST");
    if (id !== runId) location.assign(pageOf(id));
    at("again").disabled = false;
    lookNow();
  } catch (error) {
    say("refused", error instanceof Unavailable ? `${error.message} Try again.` : error.message);
    event.target.disabled = false;
  }
}

async function remove(event) {
  if (!await mayDelete(run.pipeline, run.submitted)) return;
  event.target.disabled = true;
  say("refused", "");
  try {
    const { missing } = await ask(apiOf(runId, "delete"), "POST");
    goToList(`The run is deleted. ${missing}`);
  } catch (error) {
    say("refused", error.message);
    event.target.disabled = false;
  }
}

at("cancel").addEventListener("click", act);
at("delete").addEventListener("click", remove);
at("again").addEventListener("click", act);
const lookNow = keepLooking(lookOnce);
