// The log of the node that is chosen. It grows while the node runs.

import { Refused, apiOf, ask, element, runId } from "./elyra_runtime_engine_common.js";

const KEPT = 2_000_000; // So many letters stay on the page.
const LINE = 200_000; // So many letters of a line may be overwritten.

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
    this.empty();
  }

  /** Read what is new of the last attempt, which has the number `attempt`. `live` says whether more is to come. */
  async follow(live, attempt) {
    if (attempt !== this.followed) this.complete = false;
    this.followed = attempt;
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
    this.line = new Text(); // The last line: more may come, or a progress bar may overwrite it.
    this.written = "";
    this.text.replaceChildren(this.line);
    this.length = 0;
    this.cut = false;
  }

  append(text) {
    const atEnd = this.text.scrollTop + this.text.clientHeight > this.text.scrollHeight - 30;
    const end = text.lastIndexOf("\n") + 1;
    if (end) this.close(text.slice(0, end));
    this.written += text.slice(end);
    this.line.data = readable(this.written);
    this.written = this.line.data + (this.written.endsWith("\r") ? "\r" : "");
    if (this.written.length > LINE) this.close("");
    this.text.hidden = false;
    while (this.length > KEPT && this.text.childNodes.length > 2) {
      this.length -= this.text.firstChild.length;
      this.text.firstChild.remove();
      this.cut = true;
    }
    if (atEnd) this.text.scrollTop = this.text.scrollHeight;
  }

  /** Nothing overwrites the last line any more: it ends with `text`. */
  close(text) {
    const whole = new Text(readable(this.written + text));
    this.line.before(whole);
    this.line.data = "";
    this.length += whole.length;
    this.written = "";
  }

  describe() {
    const empty = !this.length && !this.written;
    this.download.hidden = empty;
    if (this.cut) this.note.textContent = "The log is long. Here is only its end.";
    else if (!empty) this.note.textContent = "";
    else this.note.textContent = this.live ? "The node has printed nothing yet." : "The node has printed nothing.";
  }
}

/** Leave out colours, and what a progress bar has overwritten. */
function readable(text) {
  const plain = text.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, "").replace(/\r+(?=\n|$)/g, "");
  return plain.replace(/[^\n\r]*\r/g, "");
}
