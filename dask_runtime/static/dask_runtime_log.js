// The log of the node that is chosen. It grows while the node runs.

import { Refused, apiOf, ask, element, runId } from "./dask_runtime_common.js";

const KEPT = 2_000_000; // So many letters stay on the page.

export class Log {
  constructor(number) {
    this.url = apiOf(runId, "nodes", String(number), "log");
    this.whole = `${apiOf(runId, "files", String(number))}/log.txt`;
    this.note = element("p", { className: "hint" });
    this.text = element("pre", { tabIndex: 0, role: "region", ariaLabel: "Log", hidden: true });
    this.download = element("a", { href: this.whole, download: "", hidden: true }, "Download the log");
    const heading = element("div", { className: "of-log" }, element("h3", {}, "Log"), this.download);
    this.place = element("div", {}, heading, this.note, this.text);
    this.next = null;
    this.attempt = "";
    this.length = 0;
  }

  /** Read what is new. `live` says whether more is to come. */
  async follow(live) {
    this.live = live;
    this.wanted = live || !this.complete;
    if (this.busy) return;
    this.busy = true;
    try {
      while (this.wanted) {
        this.wanted = false;
        this.complete = !this.live;
        this.take(await ask(this.next === null ? this.url : `${this.url}?from=${this.next}`));
      }
    } catch (error) {
      this.complete = false;
      this.note.textContent = error instanceof Refused ? error.message : "The log cannot be read now.";
    } finally {
      this.busy = false;
    }
  }

  take({ text, from, next, attempt }) {
    if (this.next !== null && attempt !== this.attempt) return this.startAnew(attempt);
    if (from !== (this.next ?? from)) this.empty();
    if (this.next === null && from > 0) this.cut = true;
    this.attempt = attempt;
    this.next = next;
    if (text) {
      this.append(text);
      this.wanted = true; // until nothing more comes
    }
    this.describe();
  }

  /** The node has started again, and with it its log. */
  startAnew(attempt) {
    this.empty();
    this.attempt = attempt;
    this.next = null;
    this.wanted = true;
  }

  empty() {
    this.text.replaceChildren();
    this.length = 0;
    this.cut = false;
  }

  append(text) {
    const atEnd = this.text.scrollTop + this.text.clientHeight > this.text.scrollHeight - 30;
    const plain = readable(text);
    this.text.append(plain);
    this.text.hidden = false;
    this.length += plain.length;
    while (this.length > KEPT && this.text.childNodes.length > 1) {
      this.length -= this.text.firstChild.length;
      this.text.firstChild.remove();
      this.cut = true;
    }
    if (atEnd) this.text.scrollTop = this.text.scrollHeight;
  }

  describe() {
    this.download.hidden = this.live || !this.length;
    if (this.cut) this.note.textContent = "The log is long. Here is only its end.";
    else if (this.length) this.note.textContent = "";
    else this.note.textContent = this.live ? "The node has printed nothing yet." : "The node has printed nothing.";
  }
}

/** Leave out colours, and what a progress bar has overwritten. */
function readable(text) {
  return text.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, "").replace(/\r\n/g, "\n").replace(/[^\n\r]*\r/g, "");
}
