"""Tasks with FastAPI, SQLModel and asyncpg, built as FastAPI's official full-stack template builds its items.

Async throughout, and an audit event in the transaction of each write. Where there was a choice the faster one was
taken: no count beside a list, an index for its order, labels as an array, a pool with a connection for every client,
and no statement that would check a connection first.
"""
