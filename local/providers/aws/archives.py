"""Pulumi's assets and archives as the engine sends them, and the zip file that AWS gets of them.

The signatures mark them in a property map (pulumi.runtime.rpc); the engine adds a `hash` of the
content, which alone decides whether an archive has changed.
"""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
ASSET: Final = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE: Final = "0def7320c3a5731c473e5ecbe6d01bc7"

# The oldest date that a zip file can have: its bytes depend on the content alone.
_DATE: Final = (1980, 1, 1, 0, 0, 0)
_READABLE: Final = 0o644 << 16


def is_content(value: object) -> bool:
    return isinstance(value, dict) and value.get(SIGNATURE) in (ASSET, ARCHIVE)


def same_content(old: Any, new: Any) -> bool:
    """Whether two assets or archives are equal, wherever they are on the disk."""
    if old.get("hash") and new.get("hash"):
        return bool(old["hash"] == new["hash"])
    return bool(old == new)


def zipped(archive: Any) -> bytes:
    """The zip file of an archive, the same bytes for the same content.

    Raises:
        LookupError: a file that is not there, or an archive of another kind.
    """
    path = archive.get("path")
    if path is not None and Path(path).is_file():
        return _read(Path(path))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in sorted(_entries(archive)):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.external_attr = _READABLE
            entry.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(entry, content)
    return packed.getvalue()


def _entries(archive: Any) -> Iterator[tuple[str, bytes]]:
    if "assets" in archive:
        for name, item in archive["assets"].items():
            if item.get(SIGNATURE) == ARCHIVE:
                yield from ((f"{name}/{inner}", content) for inner, content in _entries(item))
            else:
                yield name, _content(item)
    elif "path" in archive:
        folder = Path(archive["path"])
        if not folder.is_dir():
            raise LookupError(f"there is no file or folder {folder} for the archive")
        for file in folder.rglob("*"):
            if file.is_file():
                yield file.relative_to(folder).as_posix(), _read(file)
    else:
        raise LookupError("the local cloud takes archives of files, folders and assets only")


def _content(asset: Any) -> bytes:
    if "text" in asset:
        return str(asset["text"]).encode()
    if "path" in asset:
        return _read(Path(asset["path"]))
    raise LookupError("the local cloud takes assets of files and texts only")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise LookupError(f"the file {file} for the archive cannot be read: {error}") from error
