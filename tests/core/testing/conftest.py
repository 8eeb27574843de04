import sys
from pathlib import Path

# the zoo is a package of its own, so that its classes have a module to be pickled by
sys.path.insert(0, str(Path(__file__).parent))
