"""Runs groups of commands in transactions, and decides the outcome of each command."""
