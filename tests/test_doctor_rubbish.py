"""No rubbish makes the doctor stumble: it has a report, or says in one line why there is none."""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from rubbish import FILES

from elyra_runtime_doctor import fixes, sources
from elyra_runtime_doctor.rows import NoReport


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(FILES)
def test_each_check_comes_to_an_end_on_any_project(files):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", errors="replace")
        try:
            results = sources.examine(folder)["results"]
            changed = fixes.changes(folder)
        except NoReport as error:
            assert len(str(error).splitlines()) == 1
            return
        assert [each["found"] for each in results if each["found"].startswith("this check could not be done")] == []
        assert {name: text for name, text in changed.items() if files.get(name) == text} == {}
