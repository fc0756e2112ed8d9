// The page of all runs.

import { ENDED, apiOf, ask, badge, duration, element, keepLooking, moment, pageOf } from "./elyra_runtime_engine_common.js";

function row(run, now) {
  const link = element("a", { href: pageOf(run.id) }, run.pipeline ?? `Run ${run.id}`);
  const reason = run.state === "unreadable" ? element("p", { className: "hint" }, run.error) : null;
  const cells = [
    ["Pipeline", element("div", {}, link, reason)],
    ["State", reason ? badge(run.state, "cannot be read") : badge(run.state)],
    ["Submitted", run.submitted === null ? "" : moment(run.submitted)],
    ["Duration", reason ? "" : duration((run.ended ?? now) - run.submitted)],
    ["Configuration", run.configuration ?? ""],
  ];
  return element("tr", {}, ...cells.map(([name, content]) => {
    const cell = element("td", {}, content);
    cell.dataset.name = name;
    return cell;
  }));
}

function summary(total, shown) {
  if (!total) return "No pipeline has run yet. Run one from the pipeline editor.";
  const runs = total === 1 ? "1 run" : `${total} runs`;
  return total > shown ? `${runs}. The newest ${shown} are listed.` : `${runs}, the newest first.`;
}

let shown = "";

keepLooking(async () => {
  const { runs, total, now } = await ask(apiOf());
  document.getElementById("summary").textContent = summary(total, runs.length);
  document.getElementById("runs").hidden = !runs.length;
  const active = runs.some((run) => !ENDED.has(run.state) && run.state !== "unreadable");
  const news = JSON.stringify(active ? [runs, now] : runs);
  if (news !== shown) {
    // What has the focus keeps it.
    const focused = document.activeElement?.getAttribute("href");
    document.querySelector("#runs tbody").replaceChildren(...runs.map((run) => row(run, now)));
    if (focused) document.querySelector(`#runs a[href="${CSS.escape(focused)}"]`)?.focus();
    shown = news;
  }
  return active ? 2000 : 10_000;
});
