"""The shared store: environments that are made once and used by many projects.

The modules here run in Pyve's toolchain; only ``digest``, ``fill`` and ``project`` need its
libraries.
"""
