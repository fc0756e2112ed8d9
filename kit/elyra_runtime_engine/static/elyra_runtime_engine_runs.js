// The page of all runs.

import {
  ENDED, apiOf, apiOfAll, ask, badge, confirmed, duration, element, keepLooking, mayDelete, moment, pageOf, say, size,
} from "./elyra_runtime_engine_common.js";

const MILLISECONDS_BETWEEN_MEASUREMENTS = 10_000;

const at = (id) => document.getElementById(id);
const nameOf = (run) => run.pipeline ?? `Run ${run.id}`;
const isOver = (run) => ENDED.has(run.state) || run.state === "unreadable";

let list = { runs: [], total: 0, now: 0 };
let sizes = {};
let measuredAt = -Infinity;
let shown = "";

// --- What is shown -------------------------------------------------------------------------------------------------

function row(run) {
  const link = element("a", { href: pageOf(run.id) }, nameOf(run));
  const reason = run.state === "unreadable" ? element("p", { className: "hint" }, run.error) : null;
  const bytes = sizes[run.id];
  const cells = [
    ["Pipeline", element("div", {}, link, reason)],
    ["State", reason ? badge(run.state, "cannot be read") : badge(run.state)],
    ["Submitted", run.submitted === null ? "" : moment(run.submitted)],
    ["Duration", reason ? "" : duration((run.ended ?? list.now) - run.submitted)],
    ["Configuration", run.configuration ?? ""],
    ["On disk", bytes === undefined || bytes === null ? "" : size(bytes)],
    ["Delete", isOver(run) ? deleteButton(run) : ""],
  ];
  const made = element("tr", {}, ...cells.map(([name, content]) => {
    const cell = element("td", {}, content);
    cell.dataset.name = name;
    return cell;
  }));
  made.dataset.run = run.id;
  return made;
}

function deleteButton(run) {
  const ariaLabel = `Delete ${nameOf(run)}`;
  return element("button", { className: "link", ariaLabel, onclick: () => deleteRun(run) }, "Delete");
}

/** Return the sizes that are known. */
const measured = () => Object.values(sizes).filter((bytes) => bytes !== null);

function summary() {
  const { total, runs } = list;
  if (!total) return "No pipeline has run yet. Run one from the pipeline editor.";
  const count = total === 1 ? "1 run" : `${total} runs`;
  const which = total > runs.length ? `${count}. The newest ${runs.length} are listed.` : `${count}, the newest first.`;
  if (!measured().length) return which;
  const part = measured().length < total ? "at least " : "";
  return `${which} On disk: ${part}${size(measured().reduce((sum, bytes) => sum + bytes, 0))}.`;
}

function show() {
  const { runs, now } = list;
  if (at("summary").textContent !== summary()) at("summary").textContent = summary();
  at("runs").hidden = !runs.length;
  at("delete").hidden = !runs.some((run) => ENDED.has(run.state));
  const news = JSON.stringify([runs, sizes, runs.every(isOver) || now]);
  if (news === shown) return;
  shown = news;
  const focused = document.activeElement;
  const key = [focused?.closest("tr")?.dataset.run, focused?.tagName];
  document.querySelector("#runs tbody").replaceChildren(...runs.map(row));
  focusOn(...key);
}

/** Let the link or the button of a run have the focus. */
function focusOn(id, tag) {
  if (id) document.querySelector(`#runs tr[data-run="${CSS.escape(id)}"] ${tag}`)?.focus();
}

// --- What is deleted -----------------------------------------------------------------------------------------------

async function deleteRun(run) {
  if (!await mayDelete(nameOf(run), run.submitted)) return focusOn(run.id, "BUTTON");
  await change(apiOf(run.id, "delete"), ({ missing }) => `The run of ${nameOf(run)} is deleted. ${missing}`);
}

async function deleteAll() {
  say("refused", "");
  try {
    const { count, until } = await ask(apiOfAll("over"));
    const runs = (count) => count === 1 ? "1 run" : `${count} runs`;
    const consequence = "Their logs and the files that their nodes left are removed for good. Your pipelines and their "
      + "files stay, and so does each run that is not over.";
    if (!await confirmed(`Delete all that are over: ${runs(count)}?`, consequence, "Delete them all")) return;
    await change(`${apiOfAll("over")}?until=${until}`, ({ count }) => `Deleted: ${runs(count)}.`);
  } catch (error) {
    say("refused", error.message);
  }
}

/** Ask the server to delete, and say what came of it. */
async function change(url, sentence) {
  say("refused", "");
  try {
    say("told", sentence(await ask(url, "POST")));
    at("told").focus();
  } catch (error) {
    say("refused", error.message);
  }
  lookNow();
}

// --- What keeps the page up to date --------------------------------------------------------------------------------

/** Ask how much room the runs take, until that is known of all of which it can be known. */
async function measure() {
  if (performance.now() < measuredAt + MILLISECONDS_BETWEEN_MEASUREMENTS) return;
  measuredAt = Infinity;
  try {
    let before;
    do {
      before = measured().length;
      sizes = (await ask(apiOfAll("usage"))).runs;
      show();
    } while (before < measured().length && measured().length < Object.keys(sizes).length);
  } catch (error) {
    console.warn(error);  // nothing depends on it
  }
  measuredAt = performance.now();
}

const lookNow = keepLooking(async () => {
  list = await ask(apiOf());
  show();
  measure();
  return list.runs.every(isOver) ? 10_000 : 2000;
});

at("delete").addEventListener("click", deleteAll);
if (sessionStorage.getItem("told")) {
  say("told", sessionStorage.getItem("told"));
  sessionStorage.removeItem("told");
}
