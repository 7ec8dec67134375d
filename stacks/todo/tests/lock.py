"""Requests that take as long as a test wants: what they need of the database is locked."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg


@contextmanager
def tasks_locked(database_url: str) -> Iterator[psycopg.Connection]:
    """Nobody gets an answer about tasks until the connection ends its transaction."""
    with psycopg.connect(database_url) as connection:
        connection.execute("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
        yield connection


def waits_for_lock(database_url: str) -> None:
    """Returns as soon as a request of a service has come as far as the lock."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        deadline = time.monotonic() + 10
        while not connection.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'relation'").fetchone():
            assert time.monotonic() < deadline, "no request reached the database"
            time.sleep(0.01)
