"""Manifests and locks: what a project asks for, and what that was resolved to.

``manifest`` reads what is asked for, ``lock_file`` what was resolved (PEP 751), ``solve`` makes one
of the other. The rest works on these: ``edit``, ``graph``, ``diff``, ``export``.
"""
