"""How does the same form become the same bytes? Office files are archives that remember when they were packed."""

from __future__ import annotations

import io
import re
import zipfile

LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the first moment that an archive can name
_STAMP = re.compile(rb"(<dcterms:(created|modified)[^>]*>)[^<]*(</dcterms:\2>)")


def settled(archive: bytes) -> bytes:
    """An Office file with the same parts, none of which tells when it was written.

    >>> buffer = io.BytesIO()
    >>> with zipfile.ZipFile(buffer, "w") as packed:
    ...     packed.writestr("a.txt", "words")
    >>> with zipfile.ZipFile(io.BytesIO(settled(buffer.getvalue()))) as packed:
    ...     packed.infolist()[0].date_time, packed.read("a.txt")
    ((1980, 1, 1, 0, 0, 0), b'words')
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            content = old.read(part)
            if part.filename == "docProps/core.xml":
                content = _STAMP.sub(rb"\g<1>1980-01-01T00:00:00Z\g<3>", content)
            entry = zipfile.ZipInfo(part.filename, LONG_AGO)
            entry.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(entry, content)
    return buffer.getvalue()
