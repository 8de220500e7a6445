"""How long things stay that nothing needs any more, as it is declared."""

from __future__ import annotations

from datetime import timedelta

from loopline.declaration import Span, Spec


class KeepSpec(Spec):
    """How long `loopline gc` leaves what nothing needs any more; what something needs stays for ever.

    `versions`: how long an earlier version of a table can be read. `logs`: segments of the prediction log that are in their tables. `trials`:
    what searches and runs made that something newer has taken the place of: packages that never decided, with their evidence, and earlier
    profiles and reports. `blobs`: bytes that nothing names; this long, too, nothing young is touched.
    """

    versions: Span = timedelta(days=30)
    logs: Span = timedelta(days=90)
    trials: Span = timedelta(days=90)
    blobs: Span = timedelta(days=7)
