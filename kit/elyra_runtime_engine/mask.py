"""Where a node runs: hide the values of environment variables in what a node prints and leaves.

A value is found as it is, as Python, JSON and HTML write it, and line by line. It is not found in another form: as
base64, in hexadecimal digits, or with something between its letters.

The module imports only what each worker has: it is sent there, to the process of a node and to that of a notebook.
"""

import codecs
import html
import json
import os

MASKED_LENGTH = 6
"""Values of environment variables that are at least so long are masked. Shorter ones are part of words."""

HIDDEN = "(hidden)"


class Mask:
    """Hides ``values``, an iterable of texts, in a text and in what JSON can hold."""

    def __init__(self, values):
        words = set()
        for value in values:
            written = json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]
            words |= {value, repr(value)[1:-1], *written, html.escape(value), *value.splitlines()}
        self.words = sorted(word for word in words if len(word) >= MASKED_LENGTH)

    def text(self, text):
        """Return ``text`` without the values."""
        if not any(word in text for word in self.words):
            return text
        return Replacement(self.words, HIDDEN).write(text, last=True)

    def stream(self, folder):
        """Return a ``Stream`` that hides the values, and names files from ``folder``."""
        return Stream(self, folder)

    def all(self, value):
        """Return ``value``, which JSON can hold, without the values: not in its keys, nor in the digits of a number."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.all(item) for item in value]
        if isinstance(value, dict):
            return self._all_items(value)
        if isinstance(value, (int, float)) and self.text(repr(value)) != repr(value):
            return HIDDEN
        return value

    def _all_items(self, value):
        masked = {}
        for key, item in value.items():
            key = self.text(key)
            while key in masked:  # two keys that were told apart by what is hidden now
                key += "'"
            masked[key] = self.all(item)
        return masked


class Stream:
    """What a node prints, from bytes in pieces to text in pieces: ``mask`` hides values, however they are cut.

    Files in the folder ``folder`` are named from there.
    """

    def __init__(self, mask, folder):
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._values = Replacement(mask.words, HIDDEN)
        self._names = Replacement([folder + os.sep], "")

    def write(self, data, last=False):
        """Return what is known of the text after the bytes ``data``: all the rest, if they are the ``last`` ones."""
        text = self._values.write(self._decoder.decode(data, last), last)
        return self._names.write(text, last)


class Replacement:
    """Puts ``by`` in the place of each of ``words`` in a text that comes in pieces, wherever it is cut.

    Words may overlap. What may be the beginning of a word is kept back until more is known.
    """

    def __init__(self, words, by):
        self._words, self._by = words, by
        self._kept, self._replaced = "", -1  # so far is replaced already; -1: what comes next begins anew

    def write(self, piece, last=False):
        """Return what is known of the new text after ``piece``: all the rest, if it is the ``last`` one."""
        text = self._kept + piece
        return self._until(len(text) if last else self._begin_of_word(text), text)

    def _until(self, end, text):
        said, replaced = [], self._replaced
        at = max(0, replaced)
        for start, stop in self._found(text):
            if start >= end:
                break
            if start > replaced:
                said += [text[at:start], self._by]
            at = replaced = max(replaced, stop)
        if at < end:
            said.append(text[at:end])
        self._kept, self._replaced = text[end:], max(-1, replaced - end)
        return "".join(said)

    def _found(self, text):
        found = []
        for word in self._words:
            start = text.find(word)
            while start >= 0:
                stop = start + len(word)
                found.append((start, stop))
                # Of those that begin before it ends, the last one is enough.
                last = text.rfind(word, start + 1, stop + len(word))
                start = last if last >= 0 else text.find(word, stop + 1)
        return sorted(found)

    def _begin_of_word(self, text):
        """Return where the first word begins that ``text`` may hold a part of, at its end."""
        begins = [len(text)]
        for word in self._words:
            start = text.find(word[0], max(0, len(text) - len(word) + 1))
            while start >= 0 and not word.startswith(text[start:]):
                start = text.find(word[0], start + 1)
            if start >= 0:
                begins.append(start)
        return min(begins)
