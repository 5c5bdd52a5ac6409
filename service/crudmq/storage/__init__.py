"""The database: engine and sessions, the journal, retries, and the dialects of the databases."""
