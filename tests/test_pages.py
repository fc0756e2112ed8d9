"""The rendered book, in a browser and without a network: what ``make book`` has built."""

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup

HTML = Path(__file__).parents[1] / "_build" / "html"
PAGES = (
    *("start", "schema", "processor", "registration", "result", "troubleshooting", "dask"),
    *("changes", "errors", "faults"),
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


def soup(path):
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_needs_nothing_but_the_book_and_reads_well(page, scheme, name):
    page.goto(f"book/{name}.html")
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    found = Axe().run(page, options={"preload": False}).response["violations"]
    serious = [violation for violation in found if violation["impact"] in ("serious", "critical")]
    assert [(violation["id"], violation["nodes"][0]["html"][:200]) for violation in serious] == []


def test_the_search_finds_the_entry_point(page):
    page.goto("search.html?q=entry+point")
    page.get_by_role("link", name="3 Registration: let Elyra find the runtime").first.wait_for()


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
