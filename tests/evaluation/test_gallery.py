"""Which pictures a page shows, what is told of them, and what is held meanwhile."""

from pathlib import Path

import numpy as np
import pytest

from segkit.base.labels import IGNORE
from segkit.data.dataset import Sample
from segkit.evaluation.counts import picture_miou
from segkit.evaluation.evaluate import evaluate
from segkit.evaluation.gallery import Gallery, chosen_pictures, gallery_of


@pytest.fixture
def dataset(pictures, coloured):
    """Seven pictures in which ByColour is right but for more and more rows; the last is not labelled at all."""
    rng = np.random.default_rng(0)
    samples = []
    for number in range(7):
        label = rng.integers(0, 3, (40, 50)).astype(np.uint8)
        image = coloured(label)
        label[: 5 * number] = 3
        samples.append(Sample(image, label, f"picture {number}"))
    samples[6].label[:] = IGNORE
    return pictures(samples)


@pytest.mark.parametrize(
    ("count", "best", "median", "worst"),
    [
        (0, [], [], []),
        (1, [0], [], []),
        (2, [0], [], [1]),
        (3, [0], [1], [2]),
        (4, [0, 1], [2], [3]),
        (5, [0, 1], [2], [4, 3]),
        (12, [0, 1, 2, 3], [4, 5, 6, 7], [11, 10, 9, 8]),
        (1000, [0, 1, 2, 3], [498, 499, 500, 501], [999, 998, 997, 996]),
    ],
)
def test_best_median_and_worst_without_one_twice(count: int, best: list, median: list, worst: list) -> None:
    scores = np.linspace(1, 0, count)
    assert chosen_pictures(scores) == {"best": best, "median": median, "worst": worst}


def test_pictures_without_a_score_are_not_chosen() -> None:
    chosen = chosen_pictures(np.array([np.nan, 0.5, np.nan, 0.7]))
    assert chosen == {"best": [3], "median": [], "worst": [1]}


def test_what_is_told_of_a_picture(by_colour, dataset) -> None:
    kept = Gallery(dataset.palette, pictures=len(dataset))
    result = evaluate(by_colour(), dataset, keep=kept.keep)
    page = kept.details(result, dataset)
    assert [row.name for row in page.rows] == dataset.ids
    first, second, last = page.rows[0], page.rows[1], page.rows[6]
    assert (first.miou, first.right, first.pixels, first.labelled) == (1, 1, 2000, (0, 1, 2))
    assert second.right == pytest.approx(1 - 5 / 40) and second.labelled == (0, 1, 2, 3)
    assert second.only_predicted == ()
    assert second.miou == pytest.approx(picture_miou(result.counts)[1])
    assert (last.miou, last.right, last.pixels, last.labelled) == (None, None, 0, ())
    assert all(row.thumbnail and row.thumbnail[8:12] == b"WEBP" for row in page.rows) and page.note == ""
    assert [(each.group, each.row) for each in page.examples] == [
        *(("best", row) for row in (0, 1)),
        *(("median", row) for row in (2, 3)),
        *(("worst", row) for row in (5, 4)),
    ]
    assert {(each.layers.width, each.layers.height) for each in page.examples} == {(50, 40)}


def test_predictions_wait_in_a_folder_that_goes(by_colour, dataset) -> None:
    kept = Gallery(dataset.palette, pictures=len(dataset))
    folder = Path(kept._folder.name)
    result = evaluate(by_colour(), dataset, keep=kept.keep)
    assert len(list(folder.iterdir())) == 7
    kept.details(result, dataset)
    assert not folder.exists()


def test_thumbnails_shrink_with_the_number_of_pictures(dataset) -> None:
    sample = dataset[0]
    large = Sample(sample.image.repeat(10, 0).repeat(10, 1), sample.label.repeat(10, 0).repeat(10, 1), "large")
    sizes = []
    for count in (10, 3000, 8000, 100_000):
        kept = Gallery(dataset.palette, pictures=count)
        kept.keep(0, large, large.label)
        sizes.append(len(kept.thumbnails.get(0, b"")))
    assert sizes[0] > sizes[1] > sizes[2] > sizes[3] == 0


def test_thumbnails_never_take_more_than_their_room(by_colour, dataset) -> None:
    kept = Gallery(dataset.palette, pictures=1)
    kept._room = 1500
    result = evaluate(by_colour(), dataset, keep=kept.keep)
    page = kept.details(result, dataset)
    missing = sum(row.thumbnail is None for row in page.rows)
    assert 0 < missing < 7
    assert sum(len(row.thumbnail) for row in page.rows if row.thumbnail) <= 1500
    assert page.note == f"{missing} of 7 pictures have no thumbnail, to keep the page small."


def test_only_the_examples_are_read_and_predicted(by_colour, dataset) -> None:
    result = evaluate(by_colour(), dataset)
    asked = []

    def predict(index: int, sample: Sample) -> np.ndarray:
        asked.append((index, sample.name))
        return sample.label

    page = gallery_of(result, dataset, predict)
    assert len(asked) == len(page.examples) == 6
    assert [row.thumbnail is None for row in page.rows] == [False] * 6 + [True]
    assert page.note.startswith("1 of 7 pictures have no thumbnail, since only the examples")
