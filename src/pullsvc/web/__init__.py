"""HTTP conventions: problems, limits, idempotency keys, entity tags, pages; no room of the business lives here."""
