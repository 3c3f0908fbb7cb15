"""The Python distributions of an environment, read from its files; nothing of them is executed.

Standard library only: it runs in the environment's own interpreter, 3.9 or newer.
"""
