"""A teacher: what it says, what the network learns from it, and whole trainings with one."""

import copy
import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from segkit.base.errors import DataError, WeightsError
from segkit.base.labels import IGNORE
from segkit.data.shapes import ShapesDataset
from segkit.models.build import IMAGENET_MEAN, IMAGENET_STD, build_network
from segkit.models.deeplabv3 import DeepLabV3
from segkit.recipe.build import open_dataset
from segkit.recipe.config import Config, TrainConfig
from segkit.training.events import Event, Note, Step
from segkit.training.learner import Learner
from segkit.training.loss import distillation
from segkit.training.teacher import BothSizes, Teacher, load_teacher
from segkit.training.train import train
from segkit.weights.build import load_model
from segkit.weights.cache import cached_file
from segkit.weights.catalogue import CATALOGUE
from segkit.weights.files import read_weights, save_model

CPU = torch.device("cpu")
CLASSES = ("ground", "wall", "sky")


def build(seed: int = 0, *, classes=CLASSES, **options) -> DeepLabV3:
    """A network with an opinion: fresh ones say the same of every picture, as their statistics fit none."""
    torch.manual_seed(seed)
    options = {"aspp": False, "output_stride": 16, "options": {"width": 0.1}, **options}
    network = build_network("mobilenet_v2", classes=classes, **options)
    nn.init.normal_(network.classifier.weight, std=0.05)
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        network.train()(255 * torch.rand(4, 3, 49, 49))
    network.fresh = frozenset()  # its statistics are some
    return network


def batch(size: int = 2, *, void: bool = False) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(size)
    images = torch.randint(0, 256, (size, 3, 49, 49), generator=generator, dtype=torch.uint8)
    labels = torch.randint(0, 3, (size, 49, 49), generator=generator, dtype=torch.uint8)
    labels[0, :20] = IGNORE
    return images, torch.full_like(labels, IGNORE) if void else labels


@pytest.fixture(scope="module")
def network() -> DeepLabV3:
    return build()


@pytest.fixture
def start(network):
    """A function that gives a learner on a copy of one network, without dropout, and its teacher if it has one."""

    def start(teacher: Teacher | None = None, **options) -> Learner:
        options = {"precision": "fp32", "lr": 0.02, "momentum": 0, "weight_decay": 0, "iterations": 40, **options}
        learner = Learner(TrainConfig(**options), copy.deepcopy(network), CPU, teacher)
        learner.model.head.dropout.p = 0
        return learner

    return start


def changed(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    return {name for name in before if not torch.equal(before[name], after[name])}


def state(network: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def test_both_sizes_are_the_networks_own(network):
    network = copy.deepcopy(network).eval()
    images = batch()[0]
    small, large = BothSizes(network)(images)
    assert torch.equal(small, network.logits(images)) and torch.equal(large, network(images))


def test_the_loss_is_the_sum_of_its_terms(start):
    teacher = Teacher(build(1, mean=IMAGENET_MEAN, std=IMAGENET_STD))
    images, labels = batch()
    plain, taught = start(batch_norm="freeze"), start(teacher, batch_norm="freeze", teacher_weight=0.5, temperature=3)
    with torch.no_grad():
        student = plain.model.eval().logits(images)
    # The teacher normalises as its own weights do, and neither drops out nor moves its statistics.
    term = distillation(student, teacher.network.eval().logits(images), temperature=3).item()
    assert term > 0.1
    loss = taught.step(0, images, labels).loss
    assert loss == pytest.approx(plain.step(0, images, labels).loss + 0.5 * term, rel=1e-5)


@pytest.mark.parametrize("options", [{}, {"precision": "bf16"}, {"jaccard": 1.0}, {"ema": 0.9, "accumulate": 2}])
def test_a_teacher_without_weight_changes_nothing(start, options):
    results = []
    for teacher in (None, Teacher(build(1))):
        learner = start(teacher, teacher_weight=0, **options)
        losses = [learner.step(n, *batch()).loss for n in range(2)]
        results.append((losses, state(learner.model), state(learner.model_to_keep())))
    assert results[0][0] == results[1][0]
    for plain, taught in zip(results[0][1:], results[1][1:], strict=True):
        for name, tensor in taught.items():  # the bias's gradient is added up in another order
            torch.testing.assert_close(tensor, plain[name], rtol=1e-5, atol=1e-6)


def test_the_teacher_stays_as_it_is(start):
    teacher = Teacher(build(1).train())
    before = state(teacher.network)
    start(teacher).step(0, *batch())
    assert not changed(before, state(teacher.network)) and not teacher.network.training
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in teacher.network.parameters())
    assert not teacher(batch()[0]).requires_grad


@pytest.mark.parametrize("options", [{}, {"precision": "bf16"}, {"channels_last": False}])
def test_pictures_without_labels_are_learnt_from_the_teacher(start, options):
    teacher = Teacher(build(1))
    learner = start(teacher, batch_norm="freeze", lr=1e-4, **options)
    losses = [learner.step(n, *batch(void=True)).loss for n in range(4)]
    assert losses == sorted(losses, reverse=True) and 0 < losses[-1] < 0.7 * losses[0]


def test_who_is_taught_by_himself_learns_nothing(start, network):
    learner = start(Teacher(copy.deepcopy(network)), batch_norm="freeze")
    before = state(learner.model)
    assert learner.step(0, *batch(void=True)).loss == pytest.approx(0, abs=1e-5)
    for name, tensor in learner.model.state_dict().items():
        torch.testing.assert_close(tensor, before[name], rtol=0, atol=1e-6)


def test_parts_have_the_loss_and_the_gradient_of_the_whole(start):
    learners = [start(Teacher(build(1)), accumulate=parts, batch_norm="freeze", batch_size=4) for parts in (1, 2, 4)]
    losses = [learner.step(0, *batch(4)).loss for learner in learners]
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-5)
    for learner in learners[1:]:
        for name, tensor in learner.model.state_dict().items():
            torch.testing.assert_close(tensor, learners[0].model.state_dict()[name], rtol=1e-4, atol=1e-6)


def test_a_finer_teacher_says_the_same_at_the_networks_positions(start):
    images, labels = batch(void=True)
    coarse = build(1).eval()
    fine = build(1, output_stride=8).eval()
    fine.load_state_dict(coarse.state_dict())
    said = fine.logits(images)
    assert said.shape[-2:] == (7, 7) and coarse.logits(images).shape[-2:] == (4, 4)
    learner = start(Teacher(fine), batch_norm="freeze")
    with torch.no_grad():
        student = learner.model.eval().logits(images)
    expected = distillation(student, said[..., ::2, ::2], temperature=2).item()
    assert learner.step(0, images, labels).loss == pytest.approx(expected, rel=1e-5)


def test_compiled_is_the_network_that_gives_both_sizes(start, monkeypatch):
    compiled = []

    def compile(model: nn.Module) -> nn.Module:
        compiled.append(model)
        return model

    monkeypatch.setattr(torch, "compile", compile)
    learner = start(Teacher(build(1)), compile=True)
    assert [type(model) for model in compiled] == [BothSizes] and compiled[0].network is learner.model
    assert learner.step(0, *batch()).taken


@pytest.fixture(scope="module")
def teacher_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("teacher") / "teacher.safetensors"
    save_model(path, build(1))
    return path


def test_a_recipe_without_a_teacher(recipe):
    assert load_teacher(recipe(), open_dataset(recipe().data, "train")) is None


@pytest.mark.parametrize(("stride", "expected"), [(8, 8), (16, 16), (32, 16)])
def test_a_teacher_is_folded_and_runs_at_the_networks_output_stride_but_no_coarser_than_16(
    recipe, teacher_file, stride, expected
):
    config = recipe(teacher=str(teacher_file), model={"output_stride": stride})
    teacher = load_teacher(config, open_dataset(config.data, "train"))
    assert teacher.network.output_stride == expected and not teacher.network.training
    assert not [layer for layer in teacher.network.modules() if isinstance(layer, nn.BatchNorm2d)]
    images = batch()[0]
    torch.testing.assert_close(
        teacher(images), load_model(teacher_file, output_stride=expected).logits(images), rtol=1e-3, atol=1e-4
    )


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (("ground", "sky", "wall"), "class 1 of the data set is 'wall', of the weights 'sky'"),
        (("ground", "wall"), "the data set has 3 classes, the weights have 2"),
    ],
)
def test_a_teacher_of_other_classes_is_refused_before_anything_is_written(tmp_path, recipe, classes, message):
    path = tmp_path / "other.safetensors"
    save_model(path, build(classes=classes))
    with pytest.raises(WeightsError) as caught:
        train(recipe(teacher=str(path)), tmp_path / "run")
    assert str(caught.value) == (
        f"{path}: cannot be the teacher ({message}): choose one that was trained for these classes"
    )
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("teacher", "message"),
    [
        ("absent.safetensors", "absent.safetensors: there is no such file of weights"),
        ("imagenet", "imagenet: stands for the weights that a training starts from"),
    ],
)
def test_a_teacher_that_is_not_there(tmp_path, recipe, teacher, message):
    with pytest.raises(WeightsError, match=message):
        train(recipe(teacher=teacher), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_what_is_known_of_a_teacher(tmp_path, recipe, teacher_file, monkeypatch):
    dataset = open_dataset(recipe().data, "train")

    def about(training) -> str:
        path = tmp_path / "told.safetensors"
        save_model(path, build(), training=training)
        return load_teacher(recipe(teacher=str(path)), dataset).about.removeprefix(str(path))

    trained = {"data": {"kind": "voc", "root": "VOC2012"}, "model": {"weights": "google_mobilenet_v2"}}
    assert about({"config": trained}) == ", trained on voc VOC2012 train_aug from google_mobilenet_v2 (ImageNet)"
    shapes = {"config": {"data": {"kind": "shapes"}}, "teacher": "T, trained on COCO"}
    assert about(shapes) == ", trained on shapes train, taught by T, trained on COCO"
    assert len(about(shapes | {"teacher": "T" * 100_000})) <= 1_000
    for nothing in ({}, {"config": None}, {"config": {"data": {"kind": "unheard of"}}}, {"config": [1]}):
        assert about(nothing) == ""

    name = "google_deeplabv3_mobilenet_v2"
    monkeypatch.setenv("SEGKIT_CACHE", str(tmp_path))
    save_model(cached_file(CATALOGUE[name].address), build())
    assert load_teacher(recipe(teacher=name), dataset).about == f"{name} (ImageNet, COCO, PASCAL VOC 2012)"


def lines(folder) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_a_training_starts_the_same_with_a_teacher(tmp_path, recipe, teacher_file):
    """Crops, dropout and fresh weights: without weight its loss is that of a training without it."""
    options = {"iterations": 2, "evaluate_every": 2}
    train(recipe(**options), tmp_path / "plain")
    train(recipe(**options, teacher=str(teacher_file), teacher_weight=0), tmp_path / "taught")
    plain, taught = (
        [line["loss"] for line in lines(tmp_path / name) if "loss" in line] for name in ("plain", "taught")
    )
    assert plain[0] == taught[0] and plain[1] == pytest.approx(taught[1], rel=1e-5)


def test_the_weights_tell_of_their_teacher(tmp_path, recipe, teacher_file):
    for name, options in (("taught", {"teacher": str(teacher_file)}), ("plain", {})):
        result = train(recipe(iterations=1, evaluate_every=1, **options), tmp_path / name)
        training = read_weights(result.best).training
        assert training.get("teacher") == training["config"]["train"]["teacher"] == options.get("teacher")


@pytest.fixture
def unlabelled(tmp_path, pictures):
    """A folder with six pictures that are not in the data set, and links to two that are."""
    folder = tmp_path / "unlabelled"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(6):
        Image.fromarray(rng.integers(0, 256, (40, 44, 3), dtype=np.uint8)).save(folder / f"{number}.png")
    for split in ("train", "val"):
        (folder / f"{split}.png").symlink_to(pictures / "images" / split / "0.png")
    return folder


def test_an_interrupted_training_with_unlabelled_pictures_resumes_to_the_bit(
    tmp_path, recipe, teacher_file, unlabelled
):
    config = recipe(
        teacher=str(teacher_file), unlabelled=str(unlabelled), iterations=5, batch_size=4, accumulate=2, ema=0.9
    )
    told: list[Event] = []
    train(config, tmp_path / "whole", listen=told.append)
    note = f"{unlabelled}: 6 pictures to learn from the teacher alone; 2 others are in the data set and left out"
    assert Note(note) in told

    class StopError(Exception):
        pass

    def stop(event: Event) -> None:
        if isinstance(event, Step) and event.iteration == 3:
            raise StopError

    with pytest.raises(StopError):
        train(config, tmp_path / "cut", listen=stop)
    train(config, tmp_path / "cut", resume=True)
    assert (tmp_path / "whole/state.safetensors").read_bytes() == (tmp_path / "cut/state.safetensors").read_bytes()
    assert lines(tmp_path / "cut") == lines(tmp_path / "whole")


def test_unlabelled_pictures_are_learnt_and_broken_ones_refused(tmp_path, recipe, teacher_file, unlabelled):
    options = {"teacher": str(teacher_file), "unlabelled": str(unlabelled), "batch_size": 1, "iterations": 10}
    train(recipe(**options, evaluate_every=10), tmp_path / "run")
    losses = [line["loss"] for line in lines(tmp_path / "run") if "loss" in line]
    assert len(losses) == 10 and min(losses) > 0  # six of the ten have no labels: an epoch is all pictures once
    (unlabelled / "3.png").write_bytes((unlabelled / "3.png").read_bytes()[:-1000])
    with pytest.raises(DataError, match=r"3.png is broken or cut short"):
        train(recipe(**options), tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_shapes_are_learnt_from_a_teacher_alone(tmp_path):
    """End to end: a teacher of the shapes, and a network that sees only pictures without labels beside one with."""
    side, base = 33, {"model": {"width": 0.1, "output_stride": 8}}
    data = {"kind": "shapes", "side": side, "train_size": 8, "val_size": 2}
    options = {"batch_size": 8, "crop": side, "scales": (1, 1), "lr": 0.03, "precision": "fp32", "device": "cpu"}
    options |= {"workers": 0, "log_every": 1, "iterations": 12, "evaluate_every": 12, "batch_norm_momentum": 0.3}
    taught_by = train(Config.model_validate(base | {"data": data, "train": options}), tmp_path / "teacher").last
    shapes = ShapesDataset("test", size=16, side=side)
    (tmp_path / "more").mkdir()
    for index in range(len(shapes)):
        Image.fromarray(shapes[index].image).save(tmp_path / f"more/{index}.png")
    options |= {"teacher": str(taught_by), "unlabelled": str(tmp_path / "more")}
    config = Config.model_validate(base | {"data": data, "train": options})
    student = load_model(train(config, tmp_path / "student").last, output_stride=8, train=True)
    teacher = load_model(taught_by, output_stride=8, train=True)
    images = torch.from_numpy(np.stack([shapes[index].image for index in range(16)])).permute(0, 3, 1, 2)
    torch.manual_seed(0)
    fresh = build_network("mobilenet_v2", classes=shapes.classes, aspp=False, options={"width": 0.1}).eval()
    with torch.no_grad():
        far, near = (
            distillation(network.logits(images), teacher.logits(images), temperature=2) for network in (fresh, student)
        )
    assert near < far
