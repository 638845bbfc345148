"""The commands end to end, each as a user runs it."""

import hashlib
import json
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from segkit.base.errors import ConfigError
from segkit.base.label_files import read_label, save_label
from segkit.base.labels import voc_palette
from segkit.cli.weights import recipe_behind
from segkit.data.shapes import ShapesDataset
from segkit.models.build import build_network
from segkit.recipe.config import Config
from segkit.version import VERSION
from segkit.weights.files import save_model
from tests.command import run

TRAIN = ["train.iterations=4", "train.batch_size=2", "train.crop=33", "train.workers=0", "train.evaluate_every=2"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a recipe for a tiny set of two-class pictures, and a run of it."""
    folder = tmp_path_factory.mktemp("own")
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for kind in ("images", "labels"):
            (folder / "data" / kind / split).mkdir(parents=True)
        for number in range(3):
            label = np.zeros((40, 50), np.uint8)
            label[10:30, 5 + 10 * number : 25 + 10 * number] = 255
            picture = rng.integers(0, 80, (40, 50, 3)).astype(np.uint8) + (label[..., None] // 2)
            Image.fromarray(picture).save(folder / "data" / "images" / split / f"{number}.png")
            Image.fromarray(label).save(folder / "data" / "labels" / split / f"{number}.png")
    (folder / "recipe.yaml").write_text(
        "model: {backbone: mobilenet_v2, width: 0.25}\n"
        "data: {kind: folder, root: data, classes: [background, object], mapping: {255: 1}}\n"
    )
    result = run("train", "recipe.yaml", *TRAIN, "--out", "run", cwd=folder)
    return folder, result.stdout


def test_train_prints_progress_and_leaves_models_curve_and_pictures(trained):
    folder, printed = trained
    assert "best val mIoU" in printed and "pictures/s" in printed and "val mIoU" in printed
    assert {"best.safetensors", "last.safetensors", "config.yaml", "metrics.jsonl", "versions.json"} <= {
        path.name for path in (folder / "run").iterdir()
    }
    assert len(list((folder / "run" / "overlays").glob("*.jpg"))) == 3
    last = printed.splitlines()[-2:]
    assert last[0].startswith("best val mIoU") and last[1] == "report          run/report.html"
    report = (folder / "run" / "report.html").read_text(encoding="utf-8")
    assert "Learning rate" in report
    assert ("\nnote            " in printed) == ("<b>Note:</b>" in report)  # of classes that are never predicted
    lines = [json.loads(line) for line in (folder / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in lines if "val_miou" in line] == [2, 4]


def test_train_refuses_a_used_folder_and_resumes_in_it(trained):
    folder, _ = trained
    refused = run("train", "recipe.yaml", *TRAIN, "--out", "run", cwd=folder, status=1)
    assert "--resume" in refused.stderr and refused.stderr.count("\n") == 1
    (folder / "run" / "report.html").unlink()
    assert "resumed after 4 of 4" in run("train", "recipe.yaml", *TRAIN, "--out", "run", "--resume", cwd=folder).stdout
    assert (folder / "run" / "report.html").is_file()


def test_evaluate_equals_what_predict_writes(trained):
    folder, _ = trained
    files = ["--json", "result.json", "--html", "new/page.html"]
    run("evaluate", "run/best.safetensors", "--os", "8", "--mf", *files, cwd=folder)
    assert "backbone: mobilenet_v2" in (folder / "new" / "page.html").read_text(encoding="utf-8")
    result = json.loads((folder / "result.json").read_text())
    weights = (folder / "run" / "best.safetensors").read_bytes()
    assert result["protocol"]["weights_sha256"] == hashlib.sha256(weights).hexdigest()
    assert result["machine"]["segkit"] == VERSION and result["machine"]["torch"] == torch.__version__
    assert result["protocol"]["split"] == "val" and result["protocol"]["pictures"] == 3
    assert len(result["protocol"]["scales"]) == 6 and result["protocol"]["flip"]
    run("predict", "run/best.safetensors", "data/images/val", "--os", "8", "--mf", "--out", "predicted", cwd=folder)
    counts = np.zeros((2, 2), np.int64)
    for number in range(3):
        truth = np.array(Image.open(folder / "data" / "labels" / "val" / f"{number}.png")) // 255
        guess = np.array(Image.open(folder / "predicted" / "labels" / f"{number}.png"))
        np.add.at(counts, (truth.ravel(), guess.ravel()), 1)
    union = counts.sum(0) + counts.sum(1) - counts.diagonal()
    with np.errstate(invalid="ignore"):
        expected = np.nanmean(counts.diagonal() / union)
    assert result["miou"] == pytest.approx(expected, abs=1e-12)
    assert result["confusion"] == counts.tolist()


def test_label_maps_are_scored_as_what_wrote_them(trained, tmp_path):
    folder, _ = trained
    recipe, maps = ["--data", folder / "recipe.yaml"], tmp_path / "maps"
    run("evaluate", folder / "run/best.safetensors", "--json", "network.json", cwd=tmp_path)
    run("predict", folder / "run/best.safetensors", folder / "data/images/val", "--out", maps, cwd=tmp_path)
    (maps / "labels" / "other.png").write_bytes((maps / "labels" / "0.png").read_bytes())
    files = ["--json", "maps.json", "--html", "maps.html"]
    root = f"data.root={folder / 'data'}"
    scored = run("evaluate", root, "--predictions", maps / "labels", *recipe, *files, cwd=tmp_path).stdout
    assert "note: 1 label maps of other pictures left out (such as other.png)" in scored
    network, found = (json.loads((tmp_path / name).read_text()) for name in ("network.json", "maps.json"))
    told = {"pictures": 3, "predictions": str(maps / "labels"), "data": "folder", "split": "val"}
    assert found["protocol"] == told and found["pictures"] == network["pictures"]
    assert found["miou_interval"] == network["miou_interval"]
    assert "maps/labels" in (tmp_path / "maps.html").read_text(encoding="utf-8")
    compared = run("compare", "network.json", "maps.json", cwd=tmp_path).stdout
    assert "these pictures show no difference" in compared


def test_a_network_is_scored_and_predicts_at_the_output_stride_that_it_was_trained_at(trained):
    folder, _ = trained
    printed = run("train", "recipe.yaml", *TRAIN, "model.output_stride=8", "--out", "run8", cwd=folder).stdout
    assert "\n                segkit evaluate run8/best.safetensors\n" in printed
    reported = re.search(r"^mIoU .*$", printed, re.MULTILINE)[0]
    scored = run("evaluate", "run8/best.safetensors", "--json", "run8.json", cwd=folder).stdout
    assert reported in scored and "output stride 8" in scored
    assert json.loads((folder / "run8.json").read_text())["protocol"]["output_stride"] == 8
    asked = run("evaluate", "run8/best.safetensors", "--os", "16", cwd=folder).stdout
    assert "output stride 16" in asked
    predicted = run("predict", "run8/best.safetensors", "data/images/val", "--out", "predicted8", cwd=folder).stdout
    assert predicted.endswith("3 of 3 pictures predicted at output stride 8\n")


def test_predict_reports_bad_files_and_goes_on(trained, tmp_path):
    folder, _ = trained
    good = np.random.default_rng(1).integers(0, 256, (45, 60, 4)).astype(np.uint8)
    Image.fromarray(good).save(tmp_path / "rgba.png")
    Image.fromarray(good[..., 0]).save(tmp_path / "grey.jpg")
    (tmp_path / "text.png").write_text("no picture")
    result = run("predict", folder / "run" / "best.safetensors", tmp_path, "--out", "out", cwd=tmp_path, status=1)
    assert "text.png" in result.stderr and result.stderr.count("\n") == 1
    assert "2 of 3 pictures predicted" in result.stdout
    for name in ("rgba", "grey"):
        label = Image.open(tmp_path / "out" / "labels" / f"{name}.png")
        assert label.mode == "P" and label.size == (60, 45)
        assert label.getpalette()[:6] == [value for colour in voc_palette(2) for value in colour]
        assert (tmp_path / "out" / "overlays" / f"{name}.jpg").is_file()


def test_evaluate_of_weights_without_a_recipe_asks_for_one(tmp_path):
    torch.manual_seed(0)
    save_model(tmp_path / "bare.safetensors", build_network("mobilenet_v2", classes=("a", "b"), aspp=False))
    result = run("evaluate", "bare.safetensors", cwd=tmp_path, status=2)
    assert "--data" in result.stderr


def test_weights_trained_on_data_given_from_python_ask_for_a_recipe_with_data(tmp_path):
    model = build_network("mobilenet_v2", classes=("a", "b"), aspp=False, options={"width": 0.1})
    path = tmp_path / "given.safetensors"
    save_model(path, model, training={"config": Config().plain()})
    with pytest.raises(ConfigError, match=r"given.safetensors: does not tell what data.*give a recipe with --data$"):
        recipe_behind(path, None, [])
    assert recipe_behind(path, None, ["data={kind: shapes}"]).data.kind == "shapes"


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["train", "none.yaml"], 2, "none.yaml"),
        (["train", "recipe.yaml", "train.learning_rate=1"], 2, "unknown key train.learning_rate"),
        (["train", "recipe.yaml", "train.device=cuda:9", "--out", "x"], 1, "cuda:9"),
        (["train", "recipe.yaml", "data.root=nowhere", "--out", "x"], 1, "nowhere"),
        (["train", "recipe.yaml", "--out", "recipe.yaml/x"], 1, "recipe.yaml/x"),
        (["evaluate", "recipe.yaml", "--data", "recipe.yaml"], 1, "recipe.yaml"),
        (["evaluate", "run/best.safetensors", "--os", "12"], 2, "--os 12"),
        (["evaluate", "run/best.safetensors", "--mf", "--flip"], 2, "--mf"),
        (["evaluate"], 2, "give WEIGHTS, or label maps with --predictions"),
        (["evaluate", "--predictions", "data/labels/val"], 2, "--data"),
        (["evaluate", "x.pt", "--predictions", "data/labels/val", "--data", "recipe.yaml"], 2, "x.pt: "),
        (
            ["evaluate", "--predictions", "x", "--data", "recipe.yaml", "--os", "8", "--mf", "--precision", "bf16"],
            2,
            "--os, --mf, --precision: says how",
        ),
        (["evaluate", "--predictions", "data/labels/val", "--data", "recipe.yaml"], 1, "0.png holds 255"),
        (["evaluate", "--predictions", "data/images", "--data", "recipe.yaml"], 1, "segkit predict"),
        (["evaluate", "run/best.safetensors", "--html", "recipe.yaml/x"], 1, "recipe.yaml"),
        (["predict", "run/best.safetensors", "nothing.jpg", "--out", "x"], 1, "nothing.jpg"),
        (["describe", "vgg"], 2, "mobilenet_v1"),
    ],
)
def test_wrong_calls_end_in_one_sentence(trained, arguments, status, words):
    folder, _ = trained
    result = run(*arguments, cwd=folder, status=status)
    assert words in result.stderr
    assert result.stderr.startswith("segkit: ") and result.stderr.count("\n") == 1


def test_debug_shows_the_traceback(tmp_path):
    command = [sys.executable, "-m", "segkit", "describe", "vgg", "--debug"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert result.returncode == 1 and "Traceback" in result.stderr


def test_describe_prints_the_paper_s_table(tmp_path):
    printed = run("describe", "mobilenet_v2", "--size", 224, cwd=tmp_path).stdout
    assert "bottleneck" in printed and "300.8M exact" in printed
    data = json.loads(run("describe", "mobilenet_v2", "--os", 16, "--size", 513, "--json", cwd=tmp_path).stdout)
    assert data["params"] == 2_113_557
    assert sum(row["madds"] for row in data["rows"]) == data["madds_exact"]


def test_compare_tells_what_changed(trained):
    folder, _ = trained
    for stride in (8, 16):
        run("evaluate", "run/best.safetensors", "--os", stride, "--json", f"os{stride}.json", cwd=folder)
    printed = run("compare", "os16.json", "os8.json", "--json", "change.json", cwd=folder).stdout
    assert "95 % interval" in printed and "the pictures that changed most, of 3" in printed
    assert printed.splitlines()[-1].startswith("mIoU ")
    assert set(json.loads((folder / "change.json").read_text())) == {"miou", "iou", "pictures", "rare_classes"}
    same = run("compare", "os16.json", "os16.json", cwd=folder).stdout
    assert "+0.00 points [+0.00, +0.00]: these pictures show no difference" in same
    assert "holds no evaluation" in run("compare", "os16.json", "recipe.yaml", cwd=folder, status=1).stderr


def test_benchmark_counts_the_table(tmp_path):
    printed = run(
        "benchmark",
        "--no-eval",
        "--json",
        "table.json",
        "--markdown",
        "table.md",
        "--html",
        "new/table.html",
        cwd=tmp_path,
    ).stdout
    assert "unverified" in printed and "1. No count gives 941.9B" in printed
    assert len(json.loads((tmp_path / "table.json").read_text())["rows"]) == 9
    assert "| ResNet-101 | 8 | yes | yes | 82.70 | unverified |" in (tmp_path / "table.md").read_text()
    assert "No count gives 941.9B" in (tmp_path / "new" / "table.html").read_text(encoding="utf-8")


def test_benchmark_measures_what_is_given_and_builds_the_table_of_what_is_kept(tmp_path):
    shapes = ShapesDataset("val", size=2, side=49)
    for name, width in (("mobilenet_v2", 1.0), ("small", 0.25)):
        save_model(
            tmp_path / f"{name}.safetensors",
            build_network("mobilenet_v2", classes=shapes.classes, aspp=False, options={"width": width}),
        )
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "voc_mobilenet_v2.yaml").write_text("data: {kind: shapes, side: 49, val_size: 4}\n")
    weights = ["--weights", "mobilenet_v2=mobilenet_v2.safetensors", "--weights", "peer:small=small.safetensors"]
    options = ["--recipes", "recipes", "--limit", "2", "--no-latency", "--out", "out", "--json", "table.json"]
    printed = run("benchmark", *weights, *options, cwd=tmp_path).stdout
    table = json.loads((tmp_path / "table.json").read_text())
    measured = [row["measured"] for row in table["rows"] if row["measured"]]
    assert [found["verdict"] for found in measured] == ["not compared: measured on shapes val"] * 2
    assert all(found["protocol"]["limit"] == 2 and found["machine"]["command"] for found in measured)
    assert [row["title"] for row in table["others"]] == ["small"] and "other networks" in printed
    assert [row["latency"] for row in table["rows"]] == [None] * 9 and len(table["claims"]) == 5
    kept = [f"out/cells/{name}.json" for name in ("mobilenet_v2-os16", "mobilenet_v2-os8_mf")]
    files = [
        "--evaluations",
        kept[0],
        "--evaluations",
        kept[1],
        "--evaluations",
        "peer:small=out/cells/peer_small.json",
    ]
    run("benchmark", *files, "--no-latency", "--json", "again.json", cwd=tmp_path)
    again = json.loads((tmp_path / "again.json").read_text())
    assert (again["rows"], again["others"], again["pairs"]) == (table["rows"], table["others"], table["pairs"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--weights", "peer:a/b=x"), "give peer:NAME=FILE"),
        (("--no-eval", "--train", "--weights", "a=b"), "--train, --weights: --no-eval measures nothing"),
        (("--coco", "--coco-root", "x"), "--coco: is the first stage of --train"),
        (("--train", "--coco-root", "x"), "--coco-root: is the folder of --coco"),
        (("--mean", "1", "--layout", "nchw"), "--mean, --layout: is for files that runtimes run"),
        (("--recipes", "x", "--precision", "fp32"), "--recipes, --precision: serves --weights and --train"),
        (("--no-latency", "--device", "auto"), "--device: nothing is measured here"),
        (("--runtime", "a.onnx", "--device", "cpu", "--train"), "--train, --device: serves the table"),
        (("--runtime", "a.onnx", "--no-eval", "--limit", "2"), "--limit: --no-eval scores nothing"),
        (("--weights", "mobilenet_v2"), "give NAME=FILE, with a name among mobilenet_v1_aspp, mobilenet_v2,"),
        (("--weights", "resnet=x"), "give NAME=FILE"),
        (("--weights", "mobilenet_v2=nowhere.safetensors"), "there is no such file"),
        (("--train", "--recipes", "."), "there is no such recipe"),
        (("--evaluations", "a.json", "b.json"), "b.json: serves --weights and --train, and neither is given"),
        (("--no-eval", "--limit", "2"), "--limit: serves --weights"),
    ],
)
def test_benchmark_called_wrongly(tmp_path, arguments, message):
    assert message in run("benchmark", *arguments, cwd=tmp_path, status=2).stderr


@pytest.mark.slow
def test_ablate_trains_measures_and_goes_on(tmp_path):
    (tmp_path / "grid.yaml").write_text(
        "model: {backbone: mobilenet_v2, width: 0.25}\n"
        "data: {kind: shapes, side: 49, val_size: 2}\n"
        "train: {iterations: 2, batch_size: 2, crop: 49, evaluate_every: 1, workers: 0}\n"
    )
    arguments = ("ablate", "grid.yaml", "--axis", "aspp,mf", "--precision", "bf16", "--out", "out")
    assert "--json: --dry-run" in run(*arguments, "--dry-run", "--json", "a.json", cwd=tmp_path, status=2).stderr
    said = run(*arguments, "--dry-run", cwd=tmp_path).stdout
    assert "2 networks under 2 settings: 4 cells on val" in said and re.search(r"about (1 minute|\d+ minutes) on", said)
    assert not (tmp_path / "out").exists()
    printed = run(*arguments, cwd=tmp_path).stdout
    assert printed.splitlines()[-1] == "report          out/ablation.html"
    assert "MobileNetV2 x0.25 ASPP, OS 16 MF" in (tmp_path / "out" / "ablation.html").read_text(encoding="utf-8")
    assert "MF off to MF on" in printed and "5. Without ASPP" in printed
    cells = {path.name: path.read_bytes() for path in (tmp_path / "out" / "cells").iterdir()}
    assert len(cells) == 4
    again = run(*arguments, cwd=tmp_path).stdout
    assert "is trained" in again
    assert {path.name: path.read_bytes() for path in (tmp_path / "out" / "cells").iterdir()} == cells
    table = (tmp_path / "out" / "ablation.md").read_text()
    assert table.count("| MobileNetV2 x0.25 | 16 |") == 4
    assert "predictions in bfloat16" in table
    assert "unknown axis" in run("ablate", "grid.yaml", "--axis", "size", cwd=tmp_path, status=2).stderr


def test_ablate_with_two_seeds(tmp_path):
    (tmp_path / "grid.yaml").write_text(
        "model: {backbone: mobilenet_v2, width: 0.25}\n"
        "data: {kind: shapes, side: 49, val_size: 2}\n"
        "train: {iterations: 2, batch_size: 2, crop: 49, evaluate_every: 2, workers: 0}\n"
        "ablation: {seeds: [0, 1], output_strides: [16], mf: [false]}\n"
    )
    printed = run("ablate", "grid.yaml", "--out", "out", cwd=tmp_path).stdout
    assert "2 networks from 2 seeds under 1 settings: 2 cells on val" in printed
    assert (tmp_path / "out" / "mobilenet_v2_x0.25_aspp-seed1" / "best.safetensors").is_file()
    found = json.loads((tmp_path / "out" / "ablation.json").read_text())
    mious = [
        [
            json.loads((tmp_path / "out" / "cells" / f"seed{seed}" / f"{cell['name']}.json").read_text())["miou"]
            for seed in (0, 1)
        ]
        for cell in found["cells"]
    ]
    for values, cell in zip(mious, found["cells"], strict=True):
        assert cell["seeds"]["values"] == values and cell["miou"] == values[0]
        assert cell["seeds"]["mean"] == pytest.approx(sum(values) / 2)
        assert cell["seeds"]["deviation"] == pytest.approx(abs(values[0] - values[1]) / 2**0.5)
    (aspp,) = found["effects"]
    assert aspp["seeds"]["values"] == pytest.approx([mious[1][0] - mious[0][0], mious[1][1] - mious[0][1]])
    assert "over 2 seeds" in printed and "±" in (tmp_path / "out" / "ablation.md").read_text()
    assert "Over 2 seeds" in (tmp_path / "out" / "ablation.html").read_text(encoding="utf-8")
    arguments = ["--weights", "mobilenet_v2_x0.25=out/mobilenet_v2_x0.25-seed0/best.safetensors", "--out", "new"]
    assert "gives a network of one seed" in run("ablate", "grid.yaml", *arguments, cwd=tmp_path, status=2).stderr


@pytest.mark.parametrize("form", ["coco", "labelme"])
def test_predictions_are_corrected_in_a_labelling_tool_and_come_back(trained, tmp_path, form):
    folder, _ = trained
    run("predict", folder / "run/best.safetensors", folder / "data/images/val", "--out", "predicted", cwd=tmp_path)
    corrected = np.zeros((40, 50), np.uint8)
    corrected[5:20, 7:30] = 1
    save_label(tmp_path / "predicted" / "labels" / "1.png", corrected, voc_palette(2))
    printed = run("data", "export", "predicted", "annotated", "--format", form, cwd=tmp_path).stdout
    assert "3 pictures and their annotations in annotated" in printed
    assert f"segkit data import {form} EXPORT FOLDER" in printed
    run("data", "import", form, "annotated", "back", cwd=tmp_path)
    found = list((tmp_path / "back" / "labels").iterdir())
    assert {path.name for path in found} == {"0.png", "1.png", "2.png"}
    for path in found:
        assert np.array_equal(read_label(path), read_label(tmp_path / "predicted" / "labels" / path.name))


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["recipe.yaml", "out", "--format", "voc"], 2, "choose coco, cvat, label-studio, labelme"),
        (["recipe.yaml", "data", "--format", "coco"], 1, "data"),
        (["data", "out", "--format", "coco"], 1, "neither predictions.jsonl nor data.yaml"),
        (["shapes_quickstart", "out", "--format", "coco"], 2, "drawn on the fly"),
    ],
)
def test_exports_that_cannot_be(trained, arguments, status, words):
    folder, _ = trained
    result = run("data", "export", *arguments, cwd=folder, status=status)
    assert words in result.stderr and result.stderr.count("\n") == 1
    assert not (folder / "out").exists()


def test_label_maps_of_a_recipe_are_exported_by_split(trained, tmp_path):
    folder, _ = trained
    printed = run("data", "export", folder / "recipe.yaml", "val", "--format", "cvat", "--split", "val", cwd=tmp_path)
    assert "3 pictures and their annotations in val" in printed.stdout
    assert (tmp_path / "val" / "annotations.xml").read_text().count("<mask ") == 3
