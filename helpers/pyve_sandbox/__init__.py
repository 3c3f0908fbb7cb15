"""Confining a command: what it can see, what holds it there, and who waits for it.

``profile`` says what was asked for, ``places`` what that means for files, ``bubblewrap``,
``landlock`` with ``seccomp`` and ``apple`` hold the command there, ``confine`` is the last that
runs before it, ``supervise`` waits for it, ``notices`` answers what the kernel asks about.

Standard library only, and started with ``-I -S -E``: it runs before anything is confined, so
nothing of the project, of its environment or of the user's site-packages may be imported.
"""
