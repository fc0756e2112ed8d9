"""Threads for what touches the folders of runs: one at a time for each run, and with a limit in time.

A folder may hang, for example because the server of its files is gone, and whatever touches it hangs, too. That must
hold up nobody else: not the event loop, not the threads that all of Jupyter shares, not other runs, and not the end
of the server, which waits for the threads of ``concurrent.futures`` and not for these.
"""

import asyncio
import threading

LIMIT = 400
"""So many threads there are at most. As many runs would have to hang at once before others wait for them."""


class Late(Exception):
    """The call has not returned in time."""


class Threads:
    """Calls functions in threads, from the event loop. Calls under the same ``name`` come one after the other."""

    def __init__(self):
        self._queues = {}
        self._running = 0

    async def call(self, name, seconds, function, *arguments):
        """Return what ``function`` returns, and raise what it raises.

        Raises ``Late`` after ``seconds``, the time to wait for earlier calls included, and at once for as long as an
        earlier call under this name is late.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        queue = self._queues.get(name) or _Queue()
        if queue.is_late or self._running >= LIMIT:
            raise Late
        self._queues[name] = queue
        await self._enter(name, queue, seconds)
        answer = loop.create_future()

        def end(result, error):
            self._running -= 1
            queue.is_late = False
            queue.turn.release()
            self._leave(name, queue)
            if not answer.done():
                answer.set_exception(error) if error else answer.set_result(result)

        self._running += 1
        threading.Thread(target=_work, args=(loop, end, function, arguments), daemon=True).start()
        await asyncio.wait({answer}, timeout=max(0, deadline - loop.time()))
        if not answer.done():
            answer.cancel()
            queue.is_late = True
            raise Late
        return answer.result()

    async def _enter(self, name, queue, seconds):
        queue.length += 1
        try:
            await asyncio.wait_for(queue.turn.acquire(), seconds)
        except asyncio.TimeoutError:
            self._leave(name, queue)
            raise Late from None

    def _leave(self, name, queue):
        queue.length -= 1
        if not queue.length:
            del self._queues[name]


class _Queue:
    """Who waits for the thread of one name, the one that has it included."""

    def __init__(self):
        self.turn = asyncio.Lock()
        self.length = 0
        self.is_late = False


def _work(loop, end, function, arguments):
    try:
        outcome = function(*arguments), None
    except BaseException as error:
        outcome = None, error
    try:
        loop.call_soon_threadsafe(end, *outcome)
    except RuntimeError:  # the loop is closed: the server has ended
        pass
