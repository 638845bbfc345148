"""The batches of a training, as its recipe wants them."""

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from itertools import chain

from segkit.base.errors import ConfigError, DataError
from segkit.base.ranks import ALONE, Ranks
from segkit.data.dataset import Dataset
from segkit.data.loader import Batch, training_batches
from segkit.data.oversampling import Oversampling, pictures_by_class
from segkit.data.samples import BadPicture
from segkit.data.transforms import Transform
from segkit.recipe.build import training_transform
from segkit.recipe.config import TrainConfig
from segkit.training.events import Listener, Note
from segkit.training.state import Counters


def batches(
    config: TrainConfig,
    dataset: Dataset,
    counters: Counters,
    *,
    mean: list[float],
    iterations: int,
    tell: Listener,
    ranks: Ranks = ALONE,
) -> Iterator[Batch]:
    """The `iterations` batches after those counted, of pictures padded with the colour `mean` (RGB, 0..255).

    Raises DataError for a picture that cannot be read; where the recipe wants them skipped it is added to
    `counters.bad_pictures`, and DataError is for when none is left. What one of several `ranks` comes upon in its share
    all of them add, or raise.
    """
    skip = config.on_bad_picture == "skip"
    found: list[BadPicture] = []
    transform = partial(training_transform, config, mean=mean)
    try:
        source = training_batches(
            dataset,
            transform(),
            batch_size=config.batch_size,
            seed=config.seed,
            first_iteration=counters.iteration,
            iterations=iterations,
            workers=config.workers,
            oversampling=_oversampling(config, dataset, transform, tell) if config.oversample else None,
            leave_out=found.append if skip else None,
            ranks=ranks,
        )
        with closing(source):
            while True:
                with ranks.together():
                    batch = next(source, None)
                for picture in chain(*ranks.told(tuple(found) or None)) if skip else ():
                    if picture.name not in counters.bad_pictures:
                        counters.bad_pictures.append(picture.name)
                        tell(Note(f"left out (train.on_bad_picture=skip): {picture.problem}"))
                found.clear()
                if batch is None:
                    return
                yield batch
    except DataError as error:
        if skip:
            raise
        raise DataError(f"{error}; or leave such pictures out with train.on_bad_picture=skip") from None


def check_shares(config: TrainConfig, ranks: Ranks) -> None:
    """Raise ConfigError unless `ranks` can share a batch, each as much of it."""
    batch, size = config.batch_size, ranks.size
    if batch % size:
        fits = " or ".join(str(count) for count in range(1, batch + 1) if batch % count == 0)
        raise ConfigError(
            f"train.batch_size={batch} cannot be shared by {size} processes: start {fits}, or set it to "
            f"{batch + -batch % size}"
        )


def _oversampling(
    config: TrainConfig, dataset: Dataset, transform: Callable[..., Transform], tell: Listener
) -> Oversampling:
    pictures = pictures_by_class(dataset, skip=config.on_bad_picture == "skip")
    counts = sorted((len(places), name) for name, places in zip(dataset.classes, pictures, strict=True))
    fewest = ", ".join(f"{name} ({count:,})" for count, name in counts[:3])
    tell(Note(f"train.oversample: every second sample is of a class drawn evenly; in the fewest pictures are {fewest}"))
    return Oversampling(pictures, [transform(wanted=number) for number in range(len(pictures))])
