"""THE loop over a data set: its pictures, read ahead, and what a model predicts of them."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

import numpy as np
import torch

from segkit.data.dataset import Dataset, Sample
from segkit.evaluation.inference import Segmenter, predict_label

READERS = 2
"""Threads that read ahead, and pictures that wait: reading is quicker than predicting, and a picture may be large."""


def score(
    model: Segmenter,
    dataset: Dataset,
    indices: Sequence[int] | None = None,
    *,
    scales: Sequence[float] = (1.0,),
    flip: bool = False,
    window: int | None = None,
    precision: torch.dtype = torch.float32,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[tuple[int, Sample, np.ndarray]]:
    """What a model predicts of a data set: index, picture with its truth, and label map, uint8 (H, W), one at a time.

    `indices` and `progress` are those of `read_ahead`, the others those of `predict_label`.
    """
    for index, sample in read_ahead(dataset, indices, progress=progress):
        prediction = predict_label(model, sample.image, scales=scales, flip=flip, window=window, precision=precision)
        yield index, sample, prediction


def read_ahead(
    dataset: Dataset, indices: Sequence[int] | None = None, *, progress: Callable[[int, int], None] | None = None
) -> Iterator[tuple[int, Sample]]:
    """The pictures of a data set with their indices, while the next ones are read by READERS threads.

    `indices` are those wanted, in their order: all where it is None, every n-th from the k-th by
    `range(k, len(dataset), n)`. What reading a picture raises is raised when it is that picture's turn. When the caller
    is done with a picture `progress(done, total)` is called; the threads end with the iterator.
    """
    if indices is None:
        indices = range(len(dataset))
    left = iter(indices)
    ahead: deque[Future[Sample]] = deque()
    readers = ThreadPoolExecutor(READERS, thread_name_prefix="read-ahead")
    try:
        for done, index in enumerate(indices, 1):
            ahead.extend(readers.submit(dataset.__getitem__, i) for i in islice(left, READERS + 1 - len(ahead)))
            yield index, ahead.popleft().result()
            if progress is not None:
                progress(done, len(indices))
    finally:
        readers.shutdown(cancel_futures=True)
