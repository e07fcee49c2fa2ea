"""``python -m gala_viz`` is ``gala-viz``."""

import sys

from gala_viz.cli import main

if __name__ == "__main__":
    sys.exit(main())
