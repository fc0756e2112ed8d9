"""Ask the browser whether the form of a schema works: it draws, it takes what a user enters, and it sends that.

JupyterLab runs once, with the Demo Runtime. For each schema, the browser is given that schema in its place.
"""

import copy
import json
import re
import sys
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).parents[1] / "pictures"))

from lab import browser, fill_form, jupyterlab, open_lab  # noqa: E402
from playwright.sync_api import Error  # noqa: E402

WRONG = re.compile(
    "Unsupported field schema|Unknown field type|Invalid .* type|Cannot save invalid form|is not a valid"
)


@contextmanager
def forms():
    """Yield a function that takes a schema and the fields that a user enters, and returns what happens: facts."""
    with browser() as chromium, jupyterlab() as server:
        yield lambda schema, fields: _ask(chromium, server, schema, fields)


def _ask(chromium, server, schema, fields):
    """Return facts about the form of ``schema``. JSON that is no schema, too, is what the browser gets."""
    schema = json.loads(json.dumps(schema).replace("zooruntime", "demoruntime").replace("Zoo Runtime", "Demo Runtime"))
    errors, sent, facts = [], [], {}
    context = chromium.new_context()
    # JupyterLab asks for the schemas when it starts.
    context.route("**/elyra/schema/runtimes*", lambda route: _answer(route, schema))
    context.route("**/elyra/metadata/runtimes*", lambda route: _take(route, sent))
    page = open_lab(SimpleNamespace(new_page=lambda viewport: context.new_page()), server)
    page.set_default_timeout(10_000)
    page.on("pageerror", lambda error: errors.append(str(error)[:100]))
    try:
        try:
            _, form = fill_form(page, "Demo Runtime", {"display_name": "Mine"})
            form.get_by_role("button", name="Save & Close").wait_for()
            facts["drawn"] = sorted(
                each.get_attribute("id").rpartition("_")[2]
                for each in form.locator("[id^='root_']:is(input,select)").all()
            )
            facts["it says"] = sorted(set(WRONG.findall(form.inner_text())))
            for name, value in fields.items():
                field = form.locator(f"input[id$='_{name}']")
                if field.count() == 1:
                    field.fill(value)
            form.get_by_role("button", name="Save & Close").click()
            page.wait_for_timeout(1_000)
            facts["saved"] = bool(sent)
            if not sent:
                facts["refused"] = form.inner_text()[-300:]
        except Error as error:
            facts["ended with"] = str(error).splitlines()[0][:150]
        facts["errors"] = sorted(set(errors))
        facts["sent"] = sent[0].get("metadata") if sent else None
        return facts
    finally:
        context.close()


def _answer(route, schema):
    answer = route.fetch()
    served = answer.json()
    for name, each in served.items():
        served[name] = [schema if one.get("name") == "demoruntime" else one for one in each]
    route.fulfill(response=answer, json=served)


def _take(route, sent):
    if route.request.method == "POST":
        sent.append(copy.deepcopy(route.request.post_data_json))
        route.fulfill(status=201, json={**sent[-1], "name": "mine"})
    else:
        route.continue_()
