"""Threads for what touches the folders of runs: one at a time for each run, and with a limit in time.

A folder may hang, for example because the server of its files is gone, and whatever touches it hangs, too. That must
hold up nobody else: not the event loop, not the threads that all of Jupyter shares, not other runs, and not the end
of the server, which waits for the threads of ``concurrent.futures`` and not for these.
"""

import asyncio
import collections
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

        Raises ``Late`` if that takes longer than ``seconds``, or an earlier call under this name takes too long. Then
        the thread goes on, and until it has ended, each call under this name raises ``Late`` at once.
        """
        loop = asyncio.get_running_loop()
        await self._turn(name, loop)
        answer = loop.create_future()

        def end(result, error):
            self._running -= 1
            self._next(name)
            if not answer.done():
                answer.set_exception(error) if error else answer.set_result(result)

        self._running += 1
        try:
            threading.Thread(target=_work, args=(loop, end, function, arguments), daemon=True).start()
        except RuntimeError:  # the system has no thread left
            end(None, Late())
        await asyncio.wait({answer}, timeout=seconds)
        if not answer.done():
            answer.cancel()
            self._give_up(name)
            raise Late
        return answer.result()

    async def _turn(self, name, loop):
        queue = self._queues.get(name)
        if self._running >= LIMIT or (queue and queue.is_late):
            raise Late
        if queue is None:
            self._queues[name] = _Queue()
        else:
            queue.waiting.append(loop.create_future())
            await queue.waiting[-1]

    def _next(self, name):
        queue = self._queues[name]
        queue.is_late = False
        if queue.waiting:
            queue.waiting.popleft().set_result(None)
        else:
            del self._queues[name]

    def _give_up(self, name):
        queue = self._queues[name]
        queue.is_late = True
        while queue.waiting:
            queue.waiting.popleft().set_exception(Late())


class _Queue:
    """Who waits for the thread of one name. Somebody has it."""

    def __init__(self):
        self.waiting = collections.deque()
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
