"""Take the pictures of the book from the shipped code: ``make pictures``."""

from lab import CONFIGURATION, ROOT, browser, choose_runtime, jupyterlab, open_lab, open_pipeline

IMAGES = ROOT / "book" / "images"


def take():
    """Write every picture to ``book/images``."""
    with jupyterlab() as server, browser() as chromium:
        server.post("elyra/metadata/runtimes", CONFIGURATION)
        page = open_lab(chromium, server)
        open_pipeline(page)
        choose_runtime(page, "Run Pipeline")
        page.screenshot(path=IMAGES / "run.png", animations="disabled", caret="hide")


if __name__ == "__main__":
    take()
