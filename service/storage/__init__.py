"""The database: engine and sessions, inbox, outbox, and the translation of what drivers raise."""
