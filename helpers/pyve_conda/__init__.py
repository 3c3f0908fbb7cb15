"""The built-in engine for conda environments, on py-rattler.

``prefix`` (list, verify, remove) is standard library only. Everything else imports py-rattler,
late, because it takes longer to import than Python to start.
"""
