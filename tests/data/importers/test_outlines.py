"""Shapes drawn in their own box are those that the tools draw in the whole picture, to the pixel."""

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw
from pycocotools import mask as api

from segkit.data.importers.outlines import coco_polygons, filled, pillow_ellipse, pillow_polygon, points_of

HEIGHT, WIDTH = 30, 40


def polygons(count, *, inside):
    """Polygons of one decimal, as tools write them, that lie in the picture or jut out of it."""
    rng = np.random.default_rng(0)
    low, high = (0, (WIDTH - 1, HEIGHT - 1)) if inside else (-15, (WIDTH + 15, HEIGHT + 15))
    return [rng.uniform(low, high, (int(rng.integers(3, 8)), 2)).round(1) for _ in range(count)]


@pytest.mark.parametrize("inside", [True, False])
def test_the_coco_api(inside):
    for polygon in polygons(60, inside=inside):
        whole = api.decode(api.merge(api.frPyObjects([polygon.ravel().tolist()], HEIGHT, WIDTH)))
        assert (coco_polygons([polygon], HEIGHT, WIDTH).whole(HEIGHT, WIDTH) == whole).all()


@pytest.mark.parametrize("inside", [True, False])
def test_opencv_with_a_hole(inside):
    for polygon, hole in zip(polygons(60, inside=inside), polygons(60, inside=True)[::-1], strict=True):
        whole = np.zeros((HEIGHT, WIDTH), np.uint8)
        cv2.fillPoly(whole, [polygon.astype(np.int32)], 1)
        cv2.fillPoly(whole, [hole.astype(np.int32)], 0)
        assert (filled(polygon, HEIGHT, WIDTH, holes=[hole]).whole(HEIGHT, WIDTH) == whole).all()


@pytest.mark.parametrize("inside", [True, False])
def test_pillow(inside):
    for polygon in polygons(60, inside=inside):
        image = Image.new("L", (WIDTH, HEIGHT))
        ImageDraw.Draw(image).polygon([tuple(point) for point in polygon.tolist()], outline=1, fill=1)
        assert (pillow_polygon(polygon, HEIGHT, WIDTH).whole(HEIGHT, WIDTH) == np.array(image)).all()
        sides = [*polygon.min(axis=0).tolist(), *polygon.max(axis=0).tolist()]
        image = Image.new("L", (WIDTH, HEIGHT))
        ImageDraw.Draw(image).ellipse(sides, outline=1, fill=1)
        assert (pillow_ellipse(sides, HEIGHT, WIDTH).whole(HEIGHT, WIDTH) == np.array(image)).all()


def test_pillow_rounds_as_in_the_whole_picture():
    """Of this polygon Pillow fills a pixel more where it is moved to the left border."""
    polygon = np.array([[823, 551], [900, 648], [919, 623], [786, 580], [841, 626]], np.float64)
    image = Image.new("L", (1000, 700))
    ImageDraw.Draw(image).polygon([tuple(point) for point in polygon.tolist()], fill=1)
    assert (pillow_polygon(polygon, 700, 1000).whole(700, 1000) == np.array(image)).all()


def test_a_box_is_as_large_as_its_object():
    patch = coco_polygons([[10, 5, 14, 5, 14, 8, 10, 8]], 1000, 1000)
    assert (patch.top, patch.left, patch.mask.shape) == (5, 10, (3, 4))
    assert filled(np.array([(10, 5), (14, 5), (14, 8)]), 1000, 1000).mask.size < 50


@pytest.mark.parametrize("reach", [1e3, 1e5, 1e12])
def test_far_corners_are_cut_where_the_edges_are(reach):
    """Whatever lies outside, the edges inside of the picture stay where they were."""
    rng = np.random.default_rng(1)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    for _ in range(10):
        polygon = np.concatenate([rng.uniform(0, 30, (2, 2)), rng.uniform(-reach, reach, (2, 2))])
        exact, distance = np.zeros((HEIGHT, WIDTH), bool), np.full((HEIGHT, WIDTH), np.inf)
        for (x, y), (to_x, to_y) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
            exact ^= ((y > rows) != (to_y > rows)) & (columns < (to_x - x) * (rows - y) / (to_y - y) + x)
            across = (to_x - x) * (rows - y) - (to_y - y) * (columns - x)
            distance = np.minimum(distance, np.abs(across) / np.hypot(to_x - x, to_y - y))
        drawn = coco_polygons([polygon], HEIGHT, WIDTH).whole(HEIGHT, WIDTH)
        assert not (drawn != exact)[distance > 0.3].any()
        assert exact.any() and not exact.all()


@pytest.mark.parametrize("far", [1e9, 1e150, 1e300])
def test_half_planes(far):
    """A diagonal through the picture, whose corners are as far away as numbers go."""
    polygon = points_of([(-far, -far), (far, far), (-far, far)], height=20, width=20)
    drawn = coco_polygons([polygon], 20, 20).whole(20, 20)
    below = np.tri(20, dtype=bool)
    assert (drawn == below).mean() > 0.94 and drawn[np.tri(20, k=-1, dtype=bool)].all()
    assert not len(points_of([(far, far), (2 * far, far), (far, 1.5 * far)], height=20, width=20))
