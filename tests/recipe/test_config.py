"""Recipes: what is refused, and that the sentence says where and what to do."""

from pathlib import Path

import pytest
import yaml

from segkit.base.errors import ConfigError
from segkit.recipe.config import Config, FolderConfig
from segkit.recipe.reading import config_from, load_config

SHAPES = "data: {kind: shapes}\n"
FOLDER = "data: {kind: folder, root: pictures, classes: [road, tree]"


@pytest.fixture
def write(tmp_path):
    def write(text: str) -> Path:
        path = tmp_path / "recipe.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def complaint(write):
    """A function that gives the sentence with which a recipe is refused, which names the file, without its name."""

    def complaint(text: str, *overrides: str) -> str:
        path = write(text)
        with pytest.raises(ConfigError) as caught:
            load_config(path, overrides)
        sentence = str(caught.value)
        assert "\n" not in sentence and len(sentence.removeprefix(str(path))) < 450
        return sentence.removeprefix(f"{path}: ")

    return complaint


def test_defaults_and_values(write):
    config = load_config(write(SHAPES + "model: {width: 0.5}\ntrain: {lr: 1e-3, scales: [1, 2]}\n"))
    assert config.model.options == {"width": 0.5}
    assert config.train.lr == 1e-3 and config.train.scales == (1.0, 2.0) and config.train.iterations == 30_000
    assert config.data.kind == "shapes"


def test_a_section_with_nothing_in_it_is_that_of_the_defaults(write):
    assert load_config(write(SHAPES + "train:\n  # lr: 1\n")).train.lr == 0.007


def test_a_recipe_survives_being_written_and_read(write):
    text = FOLDER + ", mapping: {255: 1, 7: 0}, ignore: [1, 2], colours: [[1, 2, 3], [4, 5, 6]]}\n"
    config = load_config(write(text))
    again = load_config(write(yaml.safe_dump(config.model_dump(mode="json"))))
    assert again == config
    assert isinstance(again.data, FolderConfig) and again.data.mapping == {255: 1, 7: 0}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (SHAPES + "modle: {}", "unknown key modle: did you mean model?"),
        (SHAPES + "model: {backbon: resnet101}", "unknown key model.backbon: did you mean backbone?"),
        (
            SHAPES + "train: {learning: 1, iteration: 3}",
            "unknown key train.learning: there are iterations, max_minutes, batch_size",
        ),
        (SHAPES + "train: {iteration: 3}", "unknown key train.iteration: did you mean iterations?"),
        (SHAPES + "train: {backbone: x}", "unknown key train.backbone: did you mean model.backbone?"),
        (FOLDER + ", colors: 1}", "unknown key data.colors: give data.colours"),
        (FOLDER + ", folder: 1}", "unknown key data.folder: there are kind, root"),
        ('data: {kind: voc, root: "a\\0b"}', r"data.root: 'a\x00b' is no text: write it anew"),
        ('data: {kind: folder, root: a, images: "\\ud800", classes: [b, c]}', r"data.images: '\ud800' is no text"),
        ('data: {kind: folder, root: a, classes: [b, "\\0"]}', r"data.classes: '\x00' is no text"),
        ('data: {kind: shapes}\nmodel: {weights: "hf://a\\0/b"}', r"model.weights: 'hf://a\x00/b' is no text"),
        ("data: {kind: voc, rot: x, root: x}", "unknown key data.rot: did you mean root?"),
        ("data: {kind: shapes, sise: 3}", "unknown key data.sise: did you mean side?"),
    ],
)
def test_unknown_keys_are_refused_with_the_nearest(complaint, text, sentence):
    assert complaint(text).startswith(sentence)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("train: {lr: 1}", "data is missing: add it"),
        ("data: {kind: voc}", "data.root is missing: add it"),
        ("data: {root: x}", "data.kind is missing: choose one of 'voc', 'folder', 'shapes'"),
        ("data: {kind: coco}", "data.kind is 'coco': choose one of 'voc', 'folder', 'shapes'"),
        ("data: 5", "data: should be a valid dictionary"),
        (SHAPES + "train: {lr: fast}", "train.lr: should be a valid number, unable to parse string as a number, not "),
        (SHAPES + "train: {lr: -1}", "train.lr: should be greater than 0, not -1"),
        (SHAPES + "train: {lr: .nan}", "train.lr: should be a finite number, not nan"),
        (SHAPES + "train: {iterations: 1.5}", "train.iterations: should be a valid integer"),
        (SHAPES + "train: {crop: 32}", "train.crop: should be greater than or equal to 33, not 32"),
        (SHAPES + "train: {scales: [1]}", "train.scales.1 is missing: add it"),
        (SHAPES + "train: {class_weights: auto}", "train.class_weights: should be a list, not 'auto'"),
        (SHAPES + "train: {mirror: [1]}", "train.mirror: should be a valid boolean"),
        (SHAPES + "model: {output_stride: 4}", "model.output_stride: should be 8, 16 or 32, not 4"),
        (SHAPES + "model: {backbone: vgg}", "model.backbone: unknown backbone 'vgg': choose one of mobilenet_v1, "),
        (SHAPES + "train: {temperature: 0}", "train.temperature: should be greater than 0, not 0"),
        (SHAPES + "train: {teacher_weight: -1}", "train.teacher_weight: should be greater than or equal to 0, not -1"),
        (SHAPES + "train: 3", "train: should be a valid dictionary"),
        (SHAPES + "1: 2", "1: Keys should be strings"),
        (FOLDER + ", ignore: 300}", "data.ignore: should be less than or equal to 255, not 300"),
        (FOLDER + ", mapping: {300: 1}}", "data.mapping.300: should be less than or equal to 255"),
        (FOLDER + ", colours: [[1, 2, 300], [1, 2, 3]]}", "data.colours.0.2: should be less than or equal to 255"),
        ("data: {kind: folder, root: x, classes: [road, no]}", "data.classes.1: should be a valid string, not False"),
        ("data: {kind: folder, root: x, classes: []}", "data.classes: Tuple should have at least 1 item"),
        (
            "data: {kind: folder, root: x, classes: [a]}",
            "data.classes: there is one class alone, a, so there is nothing",
        ),
        (
            SHAPES + "train: {freeze: [neck]}",
            "train.freeze.0: should be 'backbone', 'head' or 'classifier', not 'neck'",
        ),
        ("data: {kind: shapes, val_split: half}", "data.val_split: should be 'train', 'val' or 'test', not 'half'"),
    ],
)
def test_wrong_values_are_named(complaint, text, sentence):
    assert complaint(text).startswith(sentence)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (SHAPES + "train: {batch_size: 6, accumulate: 4}", "train.batch_size=6 is no multiple of train.accumulate=4"),
        (SHAPES + "train: {scales: [2, 1]}", "train.scales is (smallest, largest), not (2.0, 1.0)"),
        (FOLDER + ", colours: [[1, 2, 3]]}", "data.colours has 1 colours for 2 classes"),
        (SHAPES + "train: {unlabelled: pictures}", "train.unlabelled needs train.teacher, which tells what is in"),
        (
            SHAPES + "train: {freeze: [head, classifier, backbone]}",
            "train.freeze has backbone, head, classifier, which",
        ),
        (SHAPES + "train: {class_weights: [0, 0]}", "train.class_weights are all 0, so nothing would be learnt: "),
        (FOLDER + "}\ntrain: {class_weights: [1, 2, 3]}", "train.class_weights has 3 weights for 2 classes"),
    ],
)
def test_values_that_contradict_each_other(complaint, text, sentence):
    assert complaint(text).startswith(sentence)


def test_a_tag_that_would_run_code_is_refused_and_runs_nothing(complaint, tmp_path):
    trace = tmp_path / "ran"
    tag = f"!!python/object/apply:os.system ['touch {trace}']"
    assert complaint(SHAPES + f"model: {tag}").startswith("is not plain YAML (could not determine a constructor")
    assert "is not plain YAML" in complaint(SHAPES, f"model.weights={tag}")
    assert not trace.exists()


@pytest.mark.parametrize("text", ["", "- data", "shapes", "5"])
def test_something_else_than_a_mapping(complaint, text):
    assert complaint(text) == "a recipe is a mapping with the keys model, data, train, ablation"


@pytest.mark.parametrize(
    "text", ["data: {kind: [", "data: 2024-13-45", "data: " + "[" * 500, "\tdata: x", "a: &a [*b]"]
)
def test_broken_yaml(complaint, text):
    assert complaint(text).startswith("is not plain YAML (")


@pytest.mark.parametrize(
    ("deep", "said"),
    [
        (3, "data: should be a valid dictionary"),
        (8, "is not plain YAML (its aliases repeat more than 100000 values): correct it there"),
    ],
)
def test_a_value_made_huge_by_aliases_is_told_in_short(complaint, deep, said):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, deep + 1)]
    told = complaint("\n".join([*lines, f"data: *a{deep}"]))
    assert told.startswith(said) and len(told) < 1000


def test_a_file_that_cannot_be_read(tmp_path):
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"data: \xe4")
    with pytest.raises(ConfigError, match=r"latin\.yaml: cannot be read as a recipe"):
        load_config(path)


def test_overrides(write):
    path = write(SHAPES + "train:\n")
    config = load_config(
        path,
        [
            "train.lr=1e-3",
            "train.scales=[1, 1.5]",
            "model.width=.5",
            "model.aspp=true",
            "data.seed = 4",
            "model.weights=",
        ],
    )
    assert config.train.lr == 0.001 and config.train.scales == (1.0, 1.5)
    assert config.model.width == 0.5 and config.model.aspp is True and config.model.weights is None
    assert config.data.seed == 4
    assert load_config(path, ["data={kind: voc, root: x}"]).data.kind == "voc"


@pytest.mark.parametrize("override", ["train.lr", "=3", "", "train..lr=1", ".lr=1", "lr."])
def test_bad_forms_of_overrides(complaint, override):
    assert complaint(SHAPES, override) == f"{override!r}: an override is key=value, such as train.lr=0.01"


def test_overrides_of_what_is_not_there(complaint):
    assert complaint(SHAPES, "train.Lr=1").startswith("'train.Lr=1': unknown key train.Lr: did you mean lr?")
    assert complaint(SHAPES, "lr=1").startswith("'lr=1': unknown key lr: did you mean train.lr?")
    assert complaint(SHAPES, "data.kind.x=1").startswith("'data.kind.x=1': kind has no keys of its own")
    assert complaint(SHAPES, "train.lr=[").startswith("'train.lr=[': the value is not plain YAML")


def test_a_recipe_cannot_be_changed():
    config = Config.model_validate({"data": {"kind": "shapes"}})
    with pytest.raises(ValueError, match="frozen"):
        config.train.lr = 1


def test_a_class_named_twice_is_refused(tmp_path):
    path = tmp_path / "twice.yaml"
    path.write_text("data: {kind: folder, root: x, classes: [road, sky, road]}\n")
    with pytest.raises(ConfigError, match=r"twice\.yaml: .*names a class twice"):
        load_config(path)


def test_a_recipe_for_data_given_from_python():
    config = Config(train={"lr": 0.5})
    assert config.data is None and "data" not in config.plain() and config.plain()["train"]["lr"] == 0.5
    assert config_from(config.plain(), source="it") == config
    with pytest.raises(ConfigError, match="the recipe has no data, as they were given from Python"):
        config.needed_data  # noqa: B018
    shapes = config_from({"data": {"kind": "shapes"}}, source="it")
    assert shapes.needed_data.kind == "shapes" and shapes.plain() == shapes.model_dump(mode="json")
