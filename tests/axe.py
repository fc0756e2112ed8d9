"""What in a page stops a reader who does not see it, or not well: what axe-core finds, in a browser."""

from axe_playwright_python.sync_playwright import Axe

# axe describes what is in order, too, unless it is told what to look for. That takes as long as all its rules.
OPTIONS = {"preload": False, "resultTypes": ["violations"]}


def barriers(page, impacts=("minor", "moderate", "serious", "critical")):
    """Return what breaks a rule, and stops a reader so much: the name of the rule, and the first place."""
    found = Axe().run(page, options=OPTIONS).response["violations"]
    return [(each["id"], each["nodes"][0]["html"][:200]) for each in found if each["impact"] in impacts]
