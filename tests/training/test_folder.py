"""The folder of a run: who may begin, who may go on, and what is written down of it."""

import json
import sys
from datetime import UTC, datetime

import pytest
import torch
import yaml

from segkit.base.errors import ConfigError, OutputError
from segkit.training import folder as module
from segkit.training.folder import RunFolder, read_versions


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    return RunFolder(tmp_path / "runs/one")


def begin(folder, config, *, resume=False, iteration=0, precision=torch.float32, data="same") -> list[str]:
    changed = folder.check(config, resume=resume)
    return folder.begin(config, iteration=iteration, precision=precision, data=data, changed=changed)


def test_a_new_run_writes_its_recipe_and_versions(folder, recipe):
    config = recipe(lr=0.125, scales=(0.5, 1))
    assert begin(folder, config) == []
    assert yaml.safe_load(folder.config.read_text()) == config.model_dump(mode="json")
    (entry,) = json.loads((folder.path / "versions.json").read_text())
    assert entry["torch"] == torch.__version__ and entry["segkit"] and entry["threads"] >= 1
    assert entry["command"] == sys.argv and entry["precision"] == "float32" and entry["iteration"] == 0
    assert abs((datetime.now(UTC) - datetime.fromisoformat(entry["time"])).total_seconds()) < 60


def test_a_folder_in_use_is_refused(folder, recipe):
    folder.path.mkdir(parents=True)
    (folder.path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"one: is not empty: give another --out, or --resume"):
        begin(folder, recipe())
    assert [path.name for path in folder.path.iterdir()] == ["notes.txt"]


def test_resuming_where_nothing_was_saved_begins_anew(folder, recipe):
    told = []
    assert folder.check(recipe(), resume=True, tell=told.append) == {} and not folder.path.exists()
    begin(folder, recipe())
    (folder.path / "metrics.jsonl").write_text("")
    for resume in (True, False):  # killed before it saved anything: the same command goes on
        assert folder.check(recipe(), resume=resume, tell=told.append) == {}
    assert told == [f"{folder.path}: nothing was saved in it, so it starts from the beginning"] * 2
    with pytest.raises(OutputError, match=r"was begun with train\.lr"):
        folder.check(recipe(lr=0.5), resume=False)


def test_resuming_where_there_is_something_else(folder, recipe):
    folder.path.mkdir(parents=True)
    (folder.path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="one: holds no run to resume: leave out --resume to start one"):
        begin(folder, recipe(), resume=True)


@pytest.mark.parametrize("left", ["best", "last"])
def test_a_run_whose_state_is_gone_is_not_begun_over_it(folder, recipe, left):
    begin(folder, recipe())
    getattr(folder, left).write_bytes(b"network")
    with pytest.raises(OutputError, match=rf"state\.safetensors: is not there.* model\.weights=\S+{left}\.safetensors"):
        folder.check(recipe(), resume=True)
    assert getattr(folder, left).read_bytes() == b"network"
    folder.state.with_name("state.before.safetensors").write_bytes(b"")
    assert folder.check(recipe(), resume=True) == {}


def test_data_that_changed_is_refused(folder, recipe):
    begin(folder, recipe())
    with pytest.raises(OutputError, match="names or sizes of the data's files are not those that it was begun with"):
        begin(folder, recipe(), resume=True, data="another")


def test_a_folder_is_held_by_one_and_goes_where_nothing_was_written(folder):
    with folder.held(pytest.fail):
        assert folder.path.is_dir()
    assert not folder.path.exists()
    folder.path.mkdir()
    for name in (".state.safetensors.ab12", ".mine", "state.safetensors"):
        (folder.path / name).write_bytes(b"")
    with folder.held(pytest.fail):
        pass
    assert sorted(path.name for path in folder.path.iterdir()) == [".mine", "state.safetensors"]


def test_a_folder_that_cannot_be_made(tmp_path, recipe):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file/below", tmp_path / "file"):
        with pytest.raises(OutputError, match=r"cannot be written \(.*\): choose another folder"):
            begin(RunFolder(path), recipe())


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"lr": 0.1}, {"lr": 0.2}, "train.lr=0.1, not 0.2"),
        ({}, {"seed": 1}, "train.seed=0, not 1"),
        ({"iterations": 40}, {"iterations": 20}, "train.iterations=40, not 20"),
        ({}, {"ema": 0.9}, "train.ema=0.0, not 0.9"),
        ({}, {"model": {"aspp": True}}, "model.aspp=False, not True"),
        ({}, {"data": {"ignore": [255, 3]}}, r"data.ignore=255, not \[255, 3\]"),
        ({"data": {"mapping": {7: 1}}}, {}, "data.mapping.7=1, not None"),
        ({"data": {"mapping": {7: 1}}}, {"data": {"mapping": {7: 2}}}, "data.mapping.7=1, not 2"),
        ({}, {"data": {"mapping": {7: 1}}}, "data.mapping.7=None, not 1"),
    ],
)
def test_resuming_with_another_recipe_names_the_key(folder, recipe, before, after, told):
    begin(folder, recipe(**before))
    with pytest.raises(OutputError, match=f"one: was begun with {told}: resume with the same recipe, or start"):
        begin(folder, recipe(**after), resume=True)
    assert yaml.safe_load(folder.config.read_text()) == recipe(**before).model_dump(mode="json")


def test_what_does_not_change_the_result_may_change_and_the_recipe_stays_as_it_was_begun(folder, recipe):
    begin(folder, recipe())
    before = folder.config.read_bytes()
    begin(folder, recipe(workers=3, log_every=7, save_minutes=0.5, tensorboard=True, device="auto"), resume=True)
    assert folder.config.read_bytes() == before


def test_more_iterations_are_written_down_and_told_and_the_next_time_there_may_not_be_fewer(folder, recipe):
    begin(folder, recipe(iterations=20))
    (told,) = begin(folder, recipe(iterations=40), resume=True, iteration=20)
    assert told == (
        "train.iterations is 40 now and was 20: the learning rate follows the schedule of 40 from iteration 20 on, so "
        "the result differs from that of one run"
    )
    assert read_versions(folder.versions)[1]["changed"] == {"train.iterations": [20, 40]}
    assert begin(folder, recipe(iterations=40), resume=True, iteration=30) == []
    with pytest.raises(OutputError, match=r"begun with train.iterations=40, not 20"):
        begin(folder, recipe(iterations=20), resume=True)


def test_the_data_may_lie_elsewhere_if_it_is_the_same(folder, recipe, tmp_path):
    begin(folder, recipe())
    was = recipe().data.root
    moved = recipe(data={"root": str(tmp_path)})
    with pytest.raises(OutputError, match=f"was begun with data.root={was}, and {tmp_path} has other names or sizes"):
        begin(folder, moved, resume=True, data="another")
    assert yaml.safe_load(folder.config.read_text())["data"]["root"] == was
    (told,) = begin(folder, moved, resume=True)
    assert told == f"data.root is {tmp_path} now and was {was}: the names and sizes of the files are the same"
    assert read_versions(folder.versions)[1]["changed"] == {"data.root": [was, str(tmp_path)]}
    assert yaml.safe_load(folder.config.read_text())["data"]["root"] == str(tmp_path)


def test_each_resumption_is_one_entry_more_and_what_changed_is_told(folder, recipe, monkeypatch):
    begin(folder, recipe())
    (first,) = read_versions(folder.versions)
    assert begin(folder, recipe(), resume=True, iteration=400) == []
    told = begin(folder, recipe(), resume=True, iteration=700, precision=torch.bfloat16)
    assert told == ["precision is bfloat16 now and was float32: the result differs from that of one run"]
    described = module.describe_machine()
    monkeypatch.setattr(module, "describe_machine", lambda: described | {"torch": "9.9"})
    (told,) = begin(folder, recipe(), resume=True, iteration=800, precision=torch.bfloat16)
    assert told.startswith(f"torch is 9.9 now and was {torch.__version__}:")
    entries = read_versions(folder.versions)
    assert entries[0] == first and [entry["iteration"] for entry in entries] == [0, 400, 700, 800]
    assert [entry["precision"] for entry in entries] == ["float32", "float32", "bfloat16", "bfloat16"]


def test_versions_of_an_older_segkit_are_a_list_of_one(folder, recipe):
    begin(folder, recipe())
    old = {"torch": torch.__version__, "segkit": "0.1", "command": ["segkit"]}
    folder.versions.write_text(json.dumps(old))
    assert read_versions(folder.versions) == [old]
    assert begin(folder, recipe(), resume=True, iteration=3, precision=torch.float16) == []
    with pytest.raises(OutputError, match="has other names or sizes"):  # of the data of the last time
        begin(folder, recipe(data={"root": "/"}), resume=True, data="other")
    assert read_versions(folder.versions)[0] == old and len(read_versions(folder.versions)) == 2
    folder.versions.write_text(json.dumps(old))
    with pytest.raises(OutputError, match="maybe other files, as it kept no fingerprint"):
        begin(folder, recipe(data={"root": "/"}), resume=True)
    folder.versions.write_text("[{")
    with pytest.raises(OutputError, match=r"versions.json: is not JSON"):
        begin(folder, recipe(), resume=True)


def test_a_recipe_without_data(folder, recipe):
    config = recipe().model_copy(update={"data": None})
    begin(folder, config)
    assert "data" not in yaml.safe_load(folder.config.read_text())
    begin(folder, config, resume=True)
    with pytest.raises(OutputError, match=r"was begun with data.kind=None, not folder: resume with the same recipe"):
        begin(folder, recipe(), resume=True)


def test_a_recipe_of_a_time_before_a_key_was_there(folder, recipe):
    begin(folder, recipe())
    values = yaml.safe_load(folder.config.read_text())
    del values["train"]["jaccard"]
    folder.config.write_text(yaml.safe_dump(values))
    begin(folder, recipe(), resume=True)
    folder.config.write_text("train: [")
    with pytest.raises(ConfigError, match=r"config.yaml: is not plain YAML"):
        begin(folder, recipe(), resume=True)
