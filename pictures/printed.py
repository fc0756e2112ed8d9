"""Print the whole book as a PDF, with page numbers and an outline: ``make print``."""

from lab import ROOT, browser

PAGE = ROOT / "_build" / "singlehtml" / "index.html"
NUMBER = """<p style="width: 100%; text-align: center; font-size: 8pt"><span class="pageNumber"></span></p>"""


def print_book(chromium, file):
    """Write the PDF of the whole book, whose single page is built, to ``file`` (a ``Path``)."""
    page = chromium.new_page()
    page.goto(PAGE.as_uri())
    page.pdf(
        path=file,
        format="A4",
        scale=0.8,
        margin=dict.fromkeys(("top", "bottom", "left", "right"), "18mm"),
        display_header_footer=True,
        header_template="<span></span>",
        footer_template=NUMBER,
        outline=True,
        tagged=True,
    )
    page.close()


if __name__ == "__main__":
    file = ROOT / "_build" / "book.pdf"
    with browser() as chromium:
        print_book(chromium, file)
    print(f"The whole book is at {file}")
