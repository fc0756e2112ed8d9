"""Which runs a Jupyter server keeps, as its configuration says."""

import threading
import time

from traitlets import Float, Int, TraitError
from traitlets.config import LoggingConfigurable

from elyra_runtime_engine.deletion import clear, delete, left_aside, over_by

SECONDS_BETWEEN_LOOKS = 3600
SECONDS_TO_CLEAR = 60
"""So long does the folder of one run hold up those of others. It may hang."""

SECONDS_OF_A_DAY = 86_400


class ElyraRuntimeEngine(LoggingConfigurable):
    """Deletes the runs that are not to be kept: by default none. ``tidy`` is called as the server starts, when a
    pipeline was submitted, and each hour."""

    keep_runs = Int(
        0, min=0, config=True, help="How many of the runs that are over are kept: those that ended last. 0: all of them"
    )
    keep_days = Float(
        0, min=0, config=True, help="For how many days a run is kept after its end. 0: until somebody deletes it"
    )

    def __init__(self, **options):
        super().__init__(**options)
        self._called = threading.Event()

    def tidy(self):
        """Delete the runs that are not to be kept, and remove what is left of deleted ones."""
        now = time.time()
        if self.keep_runs or self.keep_days:
            over = sorted(((run.changed(), run) for run in over_by(now)), key=lambda pair: -pair[0])
            for number, (ended, run) in enumerate(over):
                if self._is_too_many(number) or self._is_too_old(now - ended):
                    self._delete(run, now)
        for folder in left_aside():
            thread = threading.Thread(target=self._clear, args=(folder,), daemon=True)
            thread.start()
            thread.join(SECONDS_TO_CLEAR)

    def _is_too_many(self, number):
        return 0 < self.keep_runs <= number

    def _is_too_old(self, seconds):
        return 0 < self.keep_days * SECONDS_OF_A_DAY < seconds

    def _delete(self, run, until):
        try:
            delete(run, until)
        except (OSError, RuntimeError) as error:
            self.log.warning(f"Run {run.id} cannot be deleted: {error}")
        else:
            self.log.info(f"Run {run.id} is deleted, because of keep_runs or keep_days of ElyraRuntimeEngine.")

    def _clear(self, folder):
        try:
            if missing := clear(folder):
                self.log.warning(missing)
        except OSError as error:
            self.log.warning(f"What is left of a deleted run in {folder} cannot be removed: {error}")

    def start(self):
        """Tidy now, and again when ``call`` is called, in a thread of its own."""
        threading.Thread(target=self._go_on, daemon=True).start()

    def call(self):
        self._called.set()

    def _go_on(self):
        while True:
            try:
                self.tidy()
            except Exception:  # the next time may go better
                self.log.exception("Old runs cannot be looked at.")
            self._called.wait(SECONDS_BETWEEN_LOOKS)
            self._called.clear()


def keeper(serverapp):
    """Return the ``ElyraRuntimeEngine`` of a Jupyter server: one for all runtimes."""
    settings = serverapp.web_app.settings
    if "elyra_runtime_engine" not in settings:
        try:
            made = ElyraRuntimeEngine(parent=serverapp)
        except TraitError as error:
            serverapp.log.error(f"All runs are kept, because the server's configuration is wrong: {error}")
            made = ElyraRuntimeEngine(log=serverapp.log)
        settings["elyra_runtime_engine"] = made
        made.start()
    return settings["elyra_runtime_engine"]
