"""Create once, even when the engine was killed between a resource's creation and its state.

Before a creation the resource's token is on disk; the emulator answers a repeated token with its
first answer, as AWS does for `ClientToken`. The entry goes once Pulumi's state names the resource.
"""

import hashlib
import json
import os
import uuid
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.providers.aws.values import Properties


@dataclass(frozen=True)
class Entry:
    """An attempt to create one resource; `inputs` is a digest, since inputs may hold secrets.

    `id` is known once the creating call was answered, and `done` once all its settings are made.
    """

    token: str
    inputs: str
    id: str | None = None
    done: bool = False


class Journal:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._finished: set[str] = set()
        folder.mkdir(parents=True, exist_ok=True)

    def attempt(self, urn: str) -> Entry | None:
        """The creation under this name that Pulumi's state may not know of."""
        try:
            return Entry(**json.loads(self._path(urn).read_text()))
        except (FileNotFoundError, ValueError):
            return None

    def begin(self, urn: str, inputs: "Properties") -> Entry:
        entry = Entry(token=str(uuid.uuid4()), inputs=digest(inputs))
        self._write(urn, entry)
        return entry

    def created(self, urn: str, entry: Entry, resource_id: str) -> None:
        self._write(urn, replace(entry, id=resource_id))

    def finished(self, urn: str) -> None:
        entry = self.attempt(urn)
        if entry is not None:
            self._write(urn, replace(entry, done=True))
            self._finished.add(urn)

    def in_state(self, urn: str, resource_id: str) -> None:
        """Pulumi knows the resource: a later creation under this name is a new one."""
        entry = self.attempt(urn)
        if entry is not None and entry.id == resource_id and entry.done:
            self._path(urn).unlink(missing_ok=True)

    def settle(self) -> None:
        """The engine ended by itself, with every answer in its state: nothing is left over.

        Without it, a resource that the stack gave up without deleting it (kept on purpose, or
        taken out of the state) would be mistaken for one of a killed run, and deleted.
        """
        for urn in self._finished:
            entry = self.attempt(urn)
            if entry is not None and entry.done:
                self._path(urn).unlink(missing_ok=True)

    def _path(self, urn: str) -> Path:
        return self._folder / f"{hashlib.sha256(urn.encode()).hexdigest()}.json"

    def _write(self, urn: str, entry: Entry) -> None:
        path = self._path(urn)
        draft = path.with_suffix(f".{os.getpid()}.{uuid.uuid4().hex}")
        draft.write_text(json.dumps(asdict(entry)))
        draft.replace(path)


def digest(inputs: "Properties") -> str:
    return hashlib.sha256(json.dumps(inputs, sort_keys=True, default=str).encode()).hexdigest()
