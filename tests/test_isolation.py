"""The tests keep away from the Jupyter of who runs them."""

import json
import subprocess
import sys
from pathlib import Path

from elyra.metadata.storage import FileMetadataStore
from jupyter_core import paths

OWN_DIRECTORIES = """
import json
from elyra.metadata.storage import FileMetadataStore
from jupyter_core import paths
print(json.dumps([
    paths.jupyter_config_dir(), paths.jupyter_data_dir(), paths.jupyter_runtime_dir(),
    paths.get_home_dir(), FileMetadataStore.metadata_path()[0],
]))
"""


def test_everything_that_is_written_goes_to_a_directory_of_the_tests(jupyter, tmp_path_factory):
    directories = json.loads(subprocess.check_output([sys.executable, "-c", OWN_DIRECTORIES], text=True))
    directories += [paths.jupyter_data_dir(), str(Path.home()), FileMetadataStore.metadata_path()[0]]
    for directory in directories:
        assert Path(directory).is_relative_to(tmp_path_factory.getbasetemp())


def test_a_test_that_asks_for_no_jupyter_of_its_own_gets_nobodys(tmp_path_factory):
    for directory in (paths.jupyter_config_dir(), paths.jupyter_data_dir(), paths.jupyter_runtime_dir()):
        assert Path(directory).is_relative_to(tmp_path_factory.getbasetemp())
