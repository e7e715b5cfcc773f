"""From a file to text: what kind of file it is, by its content, and what it says.

Strangers' files are opened by a process of its own, which has little memory, little time, and nothing of our
environment. `process` starts it, `__main__` is what it runs. Nothing here knows of models.
"""
