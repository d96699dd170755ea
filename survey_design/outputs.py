"""Files appear whole or not at all, and what stood there before can be had back.

Everything is first written beside its place, forced to the disk, and then renamed. A run that is stopped at
any moment leaves either the old file or the new one. The old file stays as ``report.previous.html``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from survey_design.errors import SpecError

INDEX = "index.csv"


def write_whole(path: Path, content: bytes, *, keep_previous: bool = True) -> Path:
    """Write a file in one step; the file that stood there stays as ``name.previous.suffix``.

    Where the same bytes stand already nothing is written, so that a repeated run doesn't push out the one before.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_whole(Path(folder) / "report.html", b"first")
    ...     path = write_whole(path, b"second")
    ...     sorted(file.name for file in path.parent.iterdir()), previous(path).read_bytes()
    (['report.html', 'report.previous.html'], b'first')
    """
    if path.is_file() and path.read_bytes() == content:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = _beside(path)
    try:
        _write(part, content)
        if keep_previous and path.is_file():
            _keep(path)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path


def previous(path: Path) -> Path:
    """Where the file that was replaced is kept."""
    return path.with_name(f"{path.stem}.previous{path.suffix}")


def replace_folder(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write a folder of files and put it in place of the one before, which stays as ``name.previous``.

    The files must include ``index.csv``, whose first column names them all. A folder holding anything its own
    index does not name is somebody else's: it is refused, never moved or emptied.
    """
    kept = folder.with_name(f"{folder.name}.previous")
    for held in (folder, kept):
        _refuse_foreign(held)
    if folder.exists() and {entry.name: entry.read_bytes() for entry in folder.iterdir()} == dict(files):
        return folder
    part = _beside(folder)
    try:
        part.mkdir(parents=True)
        for name, content in files.items():
            _write(part / name, content)
        _swap(part, folder, kept)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def _swap(part: Path, folder: Path, kept: Path) -> None:
    """Put ``part`` in the place of ``folder``; if that fails, ``folder`` is put back."""
    if kept.exists():
        shutil.rmtree(kept)
    stood = folder.exists()
    if stood:
        os.rename(folder, kept)
    try:
        os.rename(part, folder)
    except BaseException:
        if stood:
            os.rename(kept, folder)
        raise


def _keep(path: Path) -> None:
    """Copy, then rename: the file itself never leaves its place."""
    part = _beside(previous(path))
    try:
        _write(part, path.read_bytes())
        os.replace(part, previous(path))
    finally:
        part.unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def _refuse_foreign(folder: Path) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise SpecError(
            f"'{folder.name}' is a file where a folder is to be written. Move it, or choose another folder."
        )
    foreign = sorted(entry.name for entry in folder.iterdir() if entry.name not in _indexed(folder))
    if foreign:
        shown = ", ".join(foreign[:5]) + (", …" if len(foreign) > 5 else "")
        raise SpecError(
            f"folder '{folder.name}' holds files that were not written by this program ({shown}); "
            "it would be replaced as a whole. Move them, or choose another folder."
        )


def _indexed(folder: Path) -> set[str]:
    index = folder / INDEX
    if not index.is_file():
        return set()
    lines = index.read_text(encoding="utf-8-sig").splitlines()
    return {INDEX, *(line.split(",", 1)[0] for line in lines[1:])}
