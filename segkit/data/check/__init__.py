"""What is wrong with a data set: a quick look before a training, and a thorough one at every picture."""

from segkit.data.check.figures import SplitFigures
from segkit.data.check.quick import check_dataset
from segkit.data.check.thorough import DataCheck, check_splits

__all__ = ["DataCheck", "SplitFigures", "check_dataset", "check_splits"]
