"""The smallest runtime on the kit, which its README shows: Elyra's server and commands, the doctor and the contract."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from broken_kit import CONTRACT, MODULE, KitInstallation

from elyra_runtime_doctor.contract import RuntimeContract


@pytest.fixture(scope="module")
def installation(nobodys_jupyter, tmp_path_factory):
    return KitInstallation(tmp_path_factory.mktemp("kit"))


def test_it_is_as_small_as_the_readme_says():
    assert len([line for line in MODULE.splitlines() if line.strip()]) < 10


def test_it_keeps_the_contract_and_the_doctor_is_silent(installation):
    with ThreadPoolExecutor() as pool:
        contract, findings = pool.submit(installation.contract, ""), pool.submit(installation.findings)
    printed = contract.result().stdout
    assert contract.result().returncode == 0, printed
    tests = len([name for name in dir(RuntimeContract) if name.startswith("test_")])
    assert int(re.search(r"(\d+) passed", printed)[1]) > tests
    assert findings.result() == {}


def test_its_icon_is_served_to_everybody_and_nothing_else_is(installation):
    with installation.server() as server:
        types = {type["id"]: type for type in server.get("elyra/pipeline/runtimes/types").json()["runtime_types"]}
        assert types["SMALLEST"]["icon"] == "elyra_runtime_kit/smallest.svg"
        icon = requests.get(server.url + types["SMALLEST"]["icon"])
        assert (icon.status_code, icon.headers["Content-Type"]) == (200, "image/svg+xml")
        assert "<title>A runtime</title>" in icon.text
        page = requests.get(server.url + "elyra_runtime_kit/submitted.html")
        assert "The pipeline was handed over" in page.text
        assert requests.get(server.url + "elyra_runtime_kit/other.svg").status_code == 404


def test_the_contract_in_the_readme_is_that_of_the_runtime():
    assert 'runtime = "smallest"' in CONTRACT
