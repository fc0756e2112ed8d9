"""The pages of the runs in a real browser, at a real Jupyter server."""

import json
import os
import re
import time

import pytest
from axe import barriers
from playwright.sync_api import expect
from test_run_page import dask_server, ended, kept, made, node, script, submit

expect.set_options(timeout=20_000)  # a busy machine is no failure

HOSTILE = "<script>document.title = 'hostile'</script><img src=x onerror=alert(1)>"
LONG = "기온과 강수량을 모두 읽고 정리하는 아주 긴 이름의 노드입니다 " * 3


@pytest.fixture(scope="module")
def server(nobodys_jupyter, tmp_path_factory):
    with dask_server(tmp_path_factory.mktemp("dask")) as server:
        yield server


@pytest.fixture
def errors():
    """What the console of the browser shows as an error: also what the policy of the page forbids."""
    errors = []
    yield errors
    assert errors == []


@pytest.fixture
def open_page(server, chromium, errors):
    """Open a page of the server as a user who is logged in."""
    contexts = []

    def open_page(path, scheme="light"):
        context = chromium.new_context(viewport={"width": 1280, "height": 800}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        path, _, fragment = path.partition("#")
        page.goto(f"{server.url}elyra_runtime_engine/{path}?token={server.token}#{fragment}")
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def led():
    """Let a run count as one that is led: this process holds its lock."""
    locks = []
    yield lambda run: locks.append(run.lock())
    for lock in locks:
        lock.close()


def box(page, name):
    return page.get_by_role("group", name="Graph of the nodes").get_by_role("button", name=name)


def details(page):
    return page.locator("#details")


def state(page):
    return page.get_by_role("status")


def test_a_run_is_shown_live_to_its_end(server, open_page):
    go = server.root / "go"
    wait = f"import os, time\nprint('up')\nwhile not os.path.exists({str(go)!r}): time.sleep(.05)\n"
    script(server, "wait.py", wait + "open('a.csv', 'w').write('x,y')\nprint('over')\n")
    script(server, "quick.py", "print('quick')\n")
    _, id = submit(
        server, node("wait", filename="wait.py", outputs=["*.csv"]), node("quick", ["wait"], filename="quick.py")
    )
    page = open_page(f"runs/{id}")
    expect(state(page)).to_have_text("running")
    expect(page).to_have_title("running · weather")
    expect(box(page, "quick, Python script, waiting")).to_be_visible()
    box(page, "wait, Python script, running").click()
    expect(details(page).get_by_label("Log", exact=True)).to_have_text("up\n")
    expect(page.locator("#counts")).to_have_text("1 running, 1 waiting")

    go.touch()
    expect(state(page)).to_have_text("done")
    expect(page).to_have_title("done · weather")
    expect(page.locator("#counts")).to_have_text("2 done")
    expect(details(page).get_by_label("Log", exact=True)).to_have_text("up\nover\n")
    assert page.get_by_role("button", name=re.compile("Cancel|again")).count() == 0
    with page.expect_download() as download:
        page.get_by_role("link", name="Download a.csv").click()
    assert (download.value.suggested_filename, download.value.path().read_text()) == ("a.csv", "x,y")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Open a.csv").click()
    assert opened.value.inner_text("body").strip() == "x,y"

    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(1500)
    assert asked == [], "the page goes on asking although the run is over"


def test_a_run_that_failed_says_why_and_runs_again(server, open_page):
    script(server, "fine.py", f"print({HOSTILE!r})\n")
    script(server, "broken.py", f"print({HOSTILE!r})\nraise ValueError({HOSTILE!r})\n")
    fine, broken = node("fine", filename="fine.py"), node("broken", ["fine"], label=HOSTILE, filename="broken.py")
    _, id = submit(server, fine, broken, name="hostile <b>pipeline</b>")
    ended(server, id)
    page = open_page(f"runs/{id}")
    expect(page.get_by_role("heading", level=1)).to_have_text("hostile <b>pipeline</b>")
    expect(page.locator("#error")).to_contain_text(f"broken.py, line 2: ValueError: {HOSTILE}")
    expect(details(page).get_by_role("heading", level=2)).to_have_text(HOSTILE)
    expect(details(page).get_by_label("Log", exact=True)).to_contain_text(f"{HOSTILE}\nTraceback")
    expect(page).to_have_title("failed · hostile <b>pipeline</b>")
    assert page.locator("img, main script, h1 b").count() == 0

    script(server, "broken.py", "print('fixed')\n")
    page.get_by_role("button", name="Run again from the failed node").click()
    expect(state(page)).to_have_text("done")
    assert id in page.url
    attempts = details(page).get_by_role("listitem").filter(has=page.get_by_role("link", name="Log of attempt"))
    expect(attempts).to_have_text([re.compile("^1failed"), re.compile("^2doneIt failed.Log$")])
    expect(details(page).get_by_label("Log", exact=True)).to_have_text("fixed\n")
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Log of attempt 1").click()
    assert "ValueError" in opened.value.inner_text("body")
    box(page, "fine, Python script, done").click()
    expect(details(page).get_by_label("Log", exact=True)).to_have_text(f"{HOSTILE}\n")
    expect(details(page)).not_to_contain_text("Attempts")


def test_a_run_is_cancelled_from_its_page(server, open_page):
    script(server, "sleep.py", "import time\ntime.sleep(600)\n")
    script(server, "quick.py", "")
    _, id = submit(server, node("sleep", filename="sleep.py"), node("quick", ["sleep"], filename="quick.py"))
    page = open_page(f"runs/{id}")
    box(page, "sleep, Python script, running").wait_for()
    page.get_by_role("button", name="Cancel the run").click()
    expect(state(page)).to_have_text(re.compile("ending|cancelled"))
    expect(state(page)).to_have_text("cancelled")
    expect(page.get_by_role("button", name="Run again from here")).to_be_enabled()
    expect(page.locator("#counts")).to_have_text("2 cancelled")


def test_what_the_server_refuses_is_said(server, open_page, errors):
    run = made("a")
    run.append(run="failed", error="Node 'a' failed.")
    page = open_page(f"runs/{run.id}")
    page.get_by_role("button", name="Run again").click()
    expect(page.locator("#refused")).to_contain_text("depends on files that are not there")
    expect(page.get_by_role("button", name="Run again")).to_be_enabled()
    assert "409" in errors.pop()


def test_an_unknown_run_is_said_to_be_unknown(open_page, errors):
    page = open_page("runs/nothing")
    expect(page.get_by_role("alert")).to_have_text("There is no run 'nothing'.")
    assert len([errors.pop() for error in list(errors) if "404" in error]) == 2


def test_without_a_connection_the_page_waits_for_it(open_page, led, errors):
    run = made("a", "b")
    led(run)
    run.append(run="running", links=[["Charts", "javascript:alert(1)", ""]])
    page = open_page(f"runs/{run.id}")
    expect(state(page)).to_have_text("running")
    assert page.locator("a[href^=javascript]").count() == 0
    page.context.set_offline(True)
    expect(page.get_by_role("alert")).to_contain_text("Not connected")
    run.append(node=0, state="running", host="there", worker="tcp://there:1", attempt="0000000a", attempts=1)
    page.context.set_offline(False)
    expect(box(page, "a, Python script, running")).to_be_visible(timeout=10_000)
    expect(page.get_by_role("alert")).to_be_hidden()
    assert all("ERR_INTERNET_DISCONNECTED" in errors.pop() for _ in list(errors))


def test_a_node_that_starts_anew_shows_its_new_log(open_page, led):
    run = made("a")
    led(run)
    for attempt in ("0000000a", "0000000b"):
        folder = run.attempt(0, attempt)
        folder.mkdir()
        (folder / "log.txt").write_text(f"\x1b[31mattempt\x1b[0m {attempt}\n")
    run.append(node=0, state="running", attempt="0000000a", attempts=1)
    page = open_page(f"runs/{run.id}#node-1")
    log = details(page).get_by_label("Log", exact=True)
    expect(log).to_have_text("attempt 0000000a\n")
    run.append(node=0, state="running", attempt="0000000b", attempts=2)
    expect(log).to_have_text("attempt 0000000b\n")
    expect(details(page)).to_contain_text("Attempts2")


def test_a_run_whose_driver_was_killed_has_no_running_node(open_page):
    run = made("a", "b", parents={1: [0]}, submitted=time.time() - 3600)
    run.append(run="running")
    run.append(node=0, state="running", attempt="0000000a", attempts=1)
    page = open_page(f"runs/{run.id}")
    expect(state(page)).to_have_text("failed")
    expect(page.locator("#error")).to_contain_text("ended without a word")
    expect(page.locator("#counts")).to_have_text("1 did not finish, 1 not run")


def test_a_run_that_cannot_be_read_is_a_row_that_says_so(open_page, errors):
    good, bad = made("a", pipeline="good"), made("a")
    (bad.folder / "run.json").write_text("[]")
    page = open_page("runs")
    expect(page.get_by_role("row", name="good")).to_be_visible()
    row = page.get_by_role("row", name=f"Run {bad.id}").first
    expect(row).to_contain_text("cannot be read: its files are damaged")
    row.get_by_role("link").click()
    expect(page.get_by_role("alert")).to_contain_text(f"Run {bad.id} cannot be read: its files are damaged")
    expect(page.get_by_role("alert")).to_contain_text("tries again by itself")
    facts = good.facts | {"id": bad.id, "pipeline": "fixed"}
    (bad.folder / "run.json").write_text(json.dumps(facts))
    expect(page.get_by_role("heading", level=1)).to_have_text("fixed")
    expect(page.get_by_role("alert")).to_be_hidden()
    assert all("503" in errors.pop() for _ in list(errors))


def test_a_file_whose_name_is_no_text_is_shown_and_downloaded(open_page):
    run = made("a")
    name = os.fsdecode("outputs/날씨 100%-".encode() + b"\xff\xe9.csv")
    run.append(node=0, state="done", files=[kept(run, 0, name, b"x"), kept(run, 0, "outputs/b.csv", b"y")])
    run.append(run="done")
    page = open_page(f"runs/{run.id}#node-1")
    expect(details(page).locator(".name")).to_have_text(["날씨 100%-\\xff\\xe9.csv", "b.csv"])
    with page.expect_download() as download:
        page.get_by_role("link", name="Download 날씨").click()
    assert download.value.path().read_text() == "x"
    assert download.value.suggested_filename.startswith("날씨 100%-")
    expect(page.get_by_role("alert")).to_be_hidden()


PROGRESS = "".join(f"\r{n:6d} of 200000 done" for n in range(200_001)).encode()


def test_a_log_of_one_long_line_shows_its_end_and_a_link(open_page):
    run = made("a", "b")
    for number, content in enumerate([PROGRESS, b'["' + "날씨".encode() * 400_000 + b'"]']):
        run.append(node=number, state="done", files=[])
        kept(run, number, "log.txt", content)
    run.append(run="done")
    page = open_page(f"runs/{run.id}#node-1")
    log = details(page).get_by_label("Log", exact=True)
    expect(log).to_have_text("200000 of 200000 done")
    expect(details(page)).to_contain_text("Here is only its end.")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the log").click()
    assert download.value.path().read_bytes() == PROGRESS
    box(page, "b, ").click()
    expect(log).to_have_text(re.compile('^씨?(날씨){100000,}"]$'))


def test_a_progress_bar_overwrites_its_line_while_the_node_runs(open_page, led):
    run = made("a")
    led(run)
    folder = run.attempt(0, "0000000a")
    folder.mkdir()
    run.append(node=0, state="running", attempt="0000000a", attempts=1)
    page = open_page(f"runs/{run.id}#node-1")
    shown = {
        "begin\r\n 10 %": "begin\n 10 %",
        "\r 20": "begin\n 20",
        " %\r": "begin\n 20 %",
        " 30 %\r": "begin\n 30 %",
        "\x1b[3": "begin\n\x1b[3",
        "2m 40 %\x1b[0m": "begin\n 40 %",
        "\n": "begin\n 40 %\n",
        "end": "begin\n 40 %\nend",
    }
    for text, expected in shown.items():
        with open(folder / "log.txt", "a", newline="") as file:
            file.write(text)
        page.wait_for_function(
            "expected => document.querySelector('#details pre')?.textContent === expected", arg=expected
        )
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the log").click()
    assert download.value.path().read_bytes() == "".join(shown).encode()


def test_the_keyboard_leads_through_the_graph(open_page):
    run = made("a", "b", "c", parents={1: [0], 2: [0]})
    run.append(run="cancelled")
    page = open_page(f"runs/{run.id}")
    box(page, "a, ").wait_for()
    page.get_by_role("button", name="Run again").focus()
    page.keyboard.press("Tab")
    expect(box(page, "a, ")).to_be_focused()
    for key in ("ArrowRight", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    expect(box(page, "c, ")).to_be_focused()
    expect(box(page, "c, ")).to_have_attribute("aria-pressed", "true")
    expect(details(page).get_by_role("heading", level=2)).to_have_text("c")


def test_on_a_phone_a_row_of_the_table_leads_to_the_details(open_page):
    run = made(*(f"node {n}" for n in range(30)))
    run.append(node=7, state="failed", error="no")
    run.append(run="failed", error="no")
    page = open_page(f"runs/{run.id}")
    page.set_viewport_size({"width": 390, "height": 800})
    expect(details(page).get_by_role("heading", level=2)).to_have_text("node 7")
    page.locator("#nodes").get_by_role("button", name="node 29").click()
    heading = details(page).get_by_role("heading", level=2)
    expect(heading).to_have_text("node 29")
    expect(heading).to_be_in_viewport()
    expect(details(page)).to_be_focused()
    assert page.url.endswith("#node-30")
    page.reload()
    expect(heading).to_have_text("node 29")


def mixed():
    """A run with nodes in all states, and with names of all kinds."""
    names = "a", LONG, HOSTILE, "word" * 60, "skipped", "cancelled", "running"
    run = made(*names, parents={n: [n - 1] for n in range(1, 7)} | {6: [0, 5]}, pipeline=LONG)
    kept(run, 2, "log.txt", ("x" * 500 + "\n" + HOSTILE).encode())
    files = [["outputs/" + "long" * 40 + ".csv", 10**9], ["n-output.ipynb", 2048]]
    run.append(node=0, state="done", taken_over="20200101-000000-00000000", files=files, seconds=99.5, host="h" * 80)
    run.append(node=1, state="done", files=files, seconds=4000, host="host", worker="tcp://host:1")
    run.append(node=2, state="failed", error="e" * 300, files=files, seconds=0.1, placing="Not used: GPU.")
    for number, state in ((4, "skipped"), (5, "cancelled"), (6, "running")):
        run.append(node=number, state=state)
    return run


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("end", ["running", "failed", None])
def test_a_page_reads_well(open_page, led, end, scheme):
    run = mixed()
    if end == "running":
        led(run)
    if end == "failed":
        run.append(run="failed", error="e" * 300)
    page = open_page("runs" if end is None else f"runs/{run.id}", scheme=scheme)
    page.locator(".badge").first.wait_for()
    if end:
        expect(details(page).get_by_label("Log", exact=True)).to_contain_text("document.title")
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert barriers(page) == []


def test_the_list_leads_to_the_runs_and_follows_them(open_page, led):
    run = made("a", pipeline=HOSTILE)
    led(run)
    page = open_page("runs")
    row = page.get_by_role("row", name=HOSTILE)
    expect(row).to_contain_text("starting")
    run.append(run="running")
    expect(row).to_contain_text("running")
    run.append(run="done")
    expect(row).to_contain_text("done")
    row.get_by_role("link").click()
    expect(state(page)).to_have_text("done")


def test_a_thousand_nodes_are_drawn_apart_and_brought_up_to_date(open_page, led):
    parents = {n: sorted({n - 40, (n * 7) % (n - 39), (n * 31) % (n - 39)}) for n in range(40, 1000)}
    run = made(*(f"node {n}" for n in range(1000)), parents=parents)
    led(run)
    page = open_page(f"runs/{run.id}")
    started = time.monotonic()
    expect(page.locator(".box")).to_have_count(1000)
    assert time.monotonic() - started < 10
    page.evaluate("window.changes = 0")
    page.evaluate(
        "new MutationObserver(found => window.changes += found.length).observe(document.querySelector('#graph'),"
        " {subtree: true, childList: true, attributes: true, characterData: true})"
    )
    run.append(node=999, state="running", attempt="0000000a", attempts=1)
    expect(box(page, "node 999, Python script, running")).to_have_count(1)
    page.wait_for_timeout(1500)
    assert page.evaluate("window.changes") < 20, "the page draws what has not changed"


LAYOUT = """async nodes => {
    const { layout } = await import(document.querySelector("script").src.replace("_runs.js", "_graph.js"));
    const told = ({number = null, y, height, layer, after}) =>
        ({number, y, height, steps: after.map(end => end.layer - layer)});
    return layout(nodes).map(layer => layer.map(told));
}"""
SHAPES = {
    "chain": {n: [n - 1] for n in range(1, 300)},
    "star": {n: [0] for n in range(1, 300)},
    "dense": {n: list(range(n)) for n in range(1, 60)},
    "mixed": {n: sorted({n // 2, n // 3, (n * 7) % n}) for n in range(1, 300)},
    "apart": {},
}


def test_no_node_lies_on_another_or_on_an_edge(open_page):
    page = open_page("runs")
    for shape, parents in SHAPES.items():
        nodes = [{"parents": parents.get(n, [])} for n in range(max(parents, default=99) + 1)]
        layers = page.evaluate(LAYOUT, nodes)
        numbers = [item["number"] for layer in layers for item in layer if item["number"] is not None]
        assert sorted(numbers) == list(range(len(nodes))), shape
        for layer in layers:
            for item, below in zip(layer, layer[1:], strict=False):
                assert below["y"] - item["y"] >= (item["height"] + below["height"]) / 2 - 0.01, shape
            assert all(step == 1 for item in layer for step in item["steps"]), f"{shape}: an edge without a lane"


def over(*names, **facts):
    """Make a run that is over."""
    run = made(*names or "a", **facts)
    run.append(node=0, state="done", files=[kept(run, 0, "outputs/a.csv", b"x" * 50_000)])
    run.append(run="done")
    return run


def question(page):
    return page.get_by_role("dialog")


def test_a_run_is_deleted_from_its_page_after_a_question(open_page):
    run = over("a", pipeline=HOSTILE)
    page = open_page(f"runs/{run.id}")
    expect(page.locator("#facts")).to_contain_text(re.compile(r"On disk\d+ kB"))
    button = page.get_by_role("button", name="Delete the run")
    button.click()
    expect(question(page)).to_contain_text(f"Delete this run of {HOSTILE}?")
    expect(question(page)).to_contain_text("Your pipeline and its files stay.")
    for way_out in (
        lambda: question(page).get_by_role("button", name="Keep").click(),
        lambda: page.keyboard.press("Escape"),
    ):
        expect(question(page).get_by_role("button", name="Keep")).to_be_focused()
        way_out()
        expect(question(page)).to_have_count(0)
        expect(button).to_be_focused()
        assert run.folder.exists()
        button.click()
    question(page).get_by_role("button", name="Delete the run").click()
    expect(page.locator("#told")).to_have_text("The run is deleted.")
    assert page.url.endswith("/runs")
    assert not run.folder.exists()
    page.reload()
    expect(page.locator("#summary")).to_contain_text("run")
    expect(page.locator("#told")).to_be_hidden()


def test_a_run_that_is_not_over_has_no_button_that_deletes_it(open_page, led):
    run = made("a", pipeline="not over")
    led(run)
    run.append(run="running")
    page = open_page(f"runs/{run.id}")
    expect(page.get_by_role("button", name="Cancel the run")).to_be_visible()
    expect(page.get_by_role("button", name="Delete")).to_have_count(0)
    page.goto(page.url.rpartition("/")[0])
    row = page.get_by_role("row", name="not over")
    expect(row).to_contain_text("running")
    expect(row.get_by_role("button")).to_have_count(0)


def test_runs_are_deleted_from_the_list_after_a_question(open_page, errors, led):
    runs = [over("a", pipeline=f"old {n}") for n in range(3)]
    unreadable, running = over("a"), made("a", pipeline="led by another")
    (unreadable.folder / "run.json").write_text("[]")
    led(running)
    page = open_page("runs")
    row = page.get_by_role("row", name="old 0")
    expect(row.locator("[data-name='On disk']")).to_have_text(re.compile("kB"))
    expect(page.locator("#summary")).to_contain_text(re.compile(r"On disk: \d.* [kM]B\."))
    row.get_by_role("button").click()
    question(page).get_by_role("button", name="Keep").click()
    expect(row.get_by_role("button")).to_be_focused()
    row.get_by_role("button", name="Delete old 0").click()
    question(page).get_by_role("button", name="Delete the run").click()
    expect(page.locator("#told")).to_have_text("The run of old 0 is deleted.")
    expect(page.locator("#told")).to_be_focused()
    expect(row).to_have_count(0)
    assert not runs[0].folder.exists()

    page.get_by_role("button", name=f"Delete Run {unreadable.id}").click()
    question(page).get_by_role("button", name="Delete the run").click()
    expect(page.locator("#told")).to_contain_text(unreadable.id)
    assert not unreadable.folder.exists()

    page.get_by_role("button", name="Delete old 1").click()
    runs[1].remove()  # in another window
    question(page).get_by_role("button", name="Delete the run").click()
    expect(page.locator("#refused")).to_have_text(f"There is no run '{runs[1].id}'.")
    assert "404" in errors.pop()

    page.get_by_role("button", name="Delete all that are over").click()
    expect(question(page)).to_contain_text(re.compile(r"Delete all that are over: \d+ runs?\?"))
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert barriers(page) == []
    late = over("a", pipeline="late")
    question(page).get_by_role("button", name="Delete them all").click()
    expect(page.locator("#told")).to_contain_text("Deleted: ")
    expect(page.get_by_role("row", name="led by another")).to_be_visible()
    expect(page.get_by_role("row", name="late")).to_be_visible()
    expect(page.get_by_role("row", name="old 2")).to_have_count(0)
    assert running.folder.exists() and late.folder.exists() and not runs[2].folder.exists()
