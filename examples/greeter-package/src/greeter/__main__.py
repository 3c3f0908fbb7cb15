"""``python -m greeter``."""

import sys

from greeter.cli import main

sys.exit(main())
