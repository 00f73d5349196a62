"""What querygen costs, beside a loop that does the same with nothing around it. Figures only: nothing is asserted."""

import sys
from pathlib import Path

# The stand-ins for services live with their plugins.
sys.path += map(str, sorted(Path(__file__).parents[2].glob("plugins/*/tests")))
