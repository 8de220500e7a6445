"""The review as a report: one page to decide from, and the detail under it, as HTML and as Markdown."""
