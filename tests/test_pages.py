"""The rendered book, in a browser and without a network: what ``make book`` has built."""

import re
import subprocess
import sys
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit

import pytest
from axe import barriers
from bs4 import BeautifulSoup
from printed import PAGE, print_book

ROOT = Path(__file__).parents[1]
HTML = ROOT / "_build" / "html"
PAGES = (
    *("start", "first", "schema", "processor", "registration", "result", "troubleshooting", "running", "dask", "kit"),
    *("own", "executor", "contract", "exchange", "fields", "changes", "errors", "faults", "glossary"),
)


@pytest.fixture(scope="module", autouse=True)
def book(missing):
    if not (HTML.parent / "made-from").exists():
        missing("the book is not built; build it: make book")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address():
    """The address of a web server with the book."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=HTML)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def errors():
    """What the console of the browser shows as an error, and each request that leaves the book."""
    errors = []
    yield errors
    assert errors == []


@pytest.fixture(params=["light", "dark"])
def scheme(request):
    return request.param


@pytest.fixture(params=[1280, 390])
def page(chromium, scheme, errors, address, request):
    size = {"width": request.param, "height": 800}
    page = chromium.new_page(viewport=size, color_scheme=scheme, base_url=address)
    page.on("console", lambda message: errors.append(said(message)) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("requestfailed", lambda request: errors.append(request.url))
    inside = (address, "data:")
    page.on("request", lambda request: None if request.url.startswith(inside) else errors.append(request.url))
    yield page
    page.close()


def said(message):
    return f"{message.text} ({message.location['url']})"


@cache
def soup(path):
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_needs_nothing_but_the_book_and_reads_well(page, scheme, name):
    page.goto(f"book/{name}.html")
    page.wait_for_load_state("networkidle")
    page.evaluate("Promise.all(document.getAnimations().map(each => each.finished))")  # a colour may still change
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert barriers(page, ("serious", "critical")) == []


@pytest.fixture
def read(chromium, address):
    """Return a function that opens a page of the book in a window of a width, as its reader sees it."""
    pages = []

    def read(name, width):
        pages.append(chromium.new_page(viewport={"width": width, "height": 800}, base_url=address))
        pages[-1].goto(f"book/{name}.html")
        pages[-1].wait_for_load_state("networkidle")
        return pages[-1]

    yield read
    for page in pages:
        page.close()


CUT = """() => [...document.querySelectorAll("main pre, main .cell_output *")]
    .filter(part => part.scrollWidth > part.clientWidth + 1 && getComputedStyle(part).overflowX !== "visible")
    .map(part => part.innerText.split("\\n").reduce((one, other) => one.length < other.length ? other : one))"""
"""The longest line of each box that scrolls sideways, or cuts off what it holds."""


@pytest.mark.parametrize("name", PAGES)
def test_no_code_and_no_output_is_cut_at_1280_pixels(read, name):
    page = read(name, 1280)
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    assert page.evaluate(CUT) == []


def test_the_list_of_errors_shows_its_links_on_a_phone(read):
    page = read("errors", 390)
    links = page.locator("main table a")
    assert links.count() > 30
    assert all(0 <= box["x"] and box["x"] + box["width"] <= 390 for box in map(visible_box, links.all()))


def visible_box(part):
    assert part.is_visible()
    return part.bounding_box()


def test_the_list_of_faults_shows_what_you_see_on_a_phone_and_folds_the_rest(chromium, address):
    page = chromium.new_page(viewport={"width": 390, "height": 800}, base_url=address, java_script_enabled=False)
    page.goto("book/faults.html")
    fault = page.locator("#row-28")
    assert fault.get_by_text("Runtime: Generic").is_visible()
    fix = fault.get_by_text("Write title beside name.")
    assert not fix.is_visible()
    fault.get_by_text("Cause and way out").click()
    assert fix.is_visible()
    # The table of before took 40,652 pixels: 50 windows of a phone.
    assert page.locator("main").bounding_box()["height"] < 20_000
    page.close()


def test_a_change_of_a_file_is_coloured_as_a_diff(chromium, address):
    page = chromium.new_page(base_url=address)
    page.goto("book/processor.html")
    changes = page.locator(".cell_input .highlight-diff pre")
    assert changes.count() > 3
    for kind, sign in ((".gi", "+"), (".gd", "-")):
        lines = changes.locator(kind).all_text_contents()
        assert lines and all(line.startswith(sign) for line in lines)
    page.close()


LUMINANCE = """colour => {
    const [red, green, blue] = colour.match(/[\\d.]+/g).slice(0, 3).map(Number).map(part => part / 255)
        .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}"""


def test_the_boxes_of_a_figure_have_the_ground_of_the_page_and_enough_contrast(chromium, address, scheme):
    page = chromium.new_page(viewport={"width": 1280, "height": 800}, color_scheme=scheme, base_url=address)
    page.goto("book/processor.html")
    colours = page.locator("figure.stack svg").evaluate(
        f"""svg => {{
            const luminance = {LUMINANCE};
            const fills = parts => [...svg.querySelectorAll(parts)].map(part => luminance(getComputedStyle(part).fill));
            return [fills("rect"), fills("text")];
        }}"""
    )
    boxes, words = colours
    assert boxes and words
    assert all((box < 0.5) == (scheme == "dark") for box in boxes)
    lighter, darker = (words, boxes) if scheme == "dark" else (boxes, words)
    assert (min(lighter) + 0.05) / (max(darker) + 0.05) > 4.5
    page.close()


def test_a_line_that_a_command_prints_is_one_line_on_the_page():
    printed = soup(HTML / "book" / "first.html").find(string=re.compile("^Metadata instance 'my_first'"))
    assert re.fullmatch(r"Metadata instance 'my_first' .+/runtimes/my_first\.json\n", printed)


def test_the_search_finds_the_entry_point(page):
    page.goto("search.html?q=entry+point")
    page.get_by_role("link", name="Registration: let Elyra find the runtime").first.wait_for()


def test_every_page_is_tested():
    assert sorted(path.stem for path in (HTML / "book").glob("*.html")) == sorted(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_links_inside_hold_and_links_outside_are_well_formed(name):
    path = HTML / "book" / f"{name}.html"
    for anchor in soup(path).select("main a[href], nav a[href]"):
        link = urlsplit(anchor["href"])
        if link.scheme or link.netloc:
            assert (link.scheme, bool(link.netloc)) == ("https", True), anchor["href"]
            continue
        target = (path.parent / unquote(link.path)).resolve() if link.path else path
        assert target.is_file(), anchor["href"]
        if link.fragment and target.suffix == ".html":
            assert soup(target).find(id=unquote(link.fragment)), anchor["href"]


def test_the_whole_book_is_printed_with_all_that_its_pages_fold(chromium, tmp_path):
    built = subprocess.run([sys.executable, ROOT / "book" / "build.py", "singlehtml"], capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    assert "Executing notebook" not in built.stdout
    print_book(chromium, tmp_path / "book.pdf")
    pages = len(re.findall(rb"/Type /Page\b", (tmp_path / "book.pdf").read_bytes()))
    page = chromium.new_page()
    page.emulate_media(media="print")
    page.goto(PAGE.as_uri())
    chapters = page.locator("span[id^='document-'] + section")
    assert pages > chapters.count() == len(PAGES) - 1  # the first page is not one of them
    assert chapters.evaluate_all("all => [...new Set(all.map(one => getComputedStyle(one).breakBefore))]") == ["page"]
    assert page.locator("img").evaluate_all("all => all.filter(one => !one.naturalWidth).length") == 0
    folded = page.locator("details.hide pre")
    assert folded.count() and folded.first.is_visible() and folded.last.is_visible()
    assert not page.locator(".copybtn:visible, .bd-sidebar-primary:visible").count()
    page.close()
