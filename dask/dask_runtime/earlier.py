"""Runs from before the engine was a package of its own: where they lie, and the addresses of their pages."""

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from tornado.web import authenticated

from elyra_runtime_engine.run import had_home

had_home("dask_runtime", executor="dask_runtime.executor:DaskExecutor")


class LeadOn(JupyterHandler):
    """Leads from an address of the runs' pages to the one that it has now."""

    @authenticated
    def get(self, path=None):
        self.redirect(url_path_join(self.base_url, "elyra_runtime_engine", "runs", path or ""), permanent=True)


HANDLERS = [(r"dask_runtime/runs(?:/([^/]*))?", LeadOn)]
