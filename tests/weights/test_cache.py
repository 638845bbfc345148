"""Weights by name, from a local server: nothing here leaves the machine."""

import dataclasses
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save as save_safetensors

import segkit.weights.vision_ops  # noqa: F401  before torchvision and timm
from segkit.base.errors import DownloadError, SegkitError, WeightsError
from segkit.models.build import build_network
from segkit.weights.build import build_model, load_classifier, load_model
from segkit.weights.cache import cache_folder, cached_entry, cached_file, noted, resolve
from segkit.weights.catalogue import CATALOGUE, IMAGENET_NAMES
from segkit.weights.files import read_weights, save_model
from segkit.weights.lineage import read_lineage
from tests.base.server import Page, Server, serve

NAME = "torchvision_mobilenet_v2_v1"
DATA = bytes(range(256)) * 4000


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEGKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def server() -> Iterator[Server]:
    with serve() as running:
        yield running


@pytest.fixture
def offer(server, monkeypatch):
    """A function that makes the server the source of an entry, and gives the page that it answers with."""

    def offer(name, data=DATA, *, sha256=None, **page):
        entry = dataclasses.replace(CATALOGUE[name], address=server.url(f"{name}.bin"), sha256=sha256)
        monkeypatch.setitem(CATALOGUE, name, entry)
        server.pages[f"{name}.bin"] = Page(data, **page)
        return server.pages[f"{name}.bin"]

    return offer


def refusal(error, weights, **about) -> str:
    with pytest.raises(error) as refused:
        resolve(weights, **about)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_cache_folder(monkeypatch, cache):
    assert cache_folder() == cache
    monkeypatch.setenv("SEGKIT_CACHE", "~/weights")
    assert cache_folder() == Path.home() / "weights"
    monkeypatch.delenv("SEGKIT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/tmp/xdg")
    assert cache_folder() == Path("/var/tmp/xdg/segkit")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == Path.home() / ".cache/segkit"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache/segkit"


def test_a_file_is_taken_as_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("mine.pth", NAME, "imagenet"):  # a file goes before a name
        Path(name).write_bytes(b"")
        assert resolve(name) == Path(name)
        assert resolve(Path(name)) == Path(name)


def test_a_name_is_fetched_once_and_its_checksum_noted(server, offer, cache):
    sha256 = hashlib.sha256(DATA).hexdigest()
    offer(NAME, sha256=sha256[:8])
    seen = []
    path = resolve(NAME, progress=lambda done, total: seen.append((done, total)))
    assert path == cached_file(CATALOGUE[NAME].address) and path.is_relative_to(cache) and path.read_bytes() == DATA
    assert seen[-1] == (len(DATA), len(DATA))
    assert noted(path) == (sha256, None)
    assert path.with_name(path.name + ".sha256").read_text() == f"{sha256}  {path.name}\n"
    assert resolve(NAME) == path
    assert len(server.requests) == 1


def test_a_cut_download_goes_on_where_it_was(server, offer):
    offer(NAME, headers={"ETag": '"one"'}, cuts=[300_000, 0])
    with pytest.raises(DownloadError, match="cut after 300000"):
        resolve(NAME)
    assert not cached_file(CATALOGUE[NAME].address).exists()
    assert resolve(NAME).read_bytes() == DATA
    assert server.requests[-1][1] == "bytes=300000-"


def test_another_file_than_was_published_is_not_kept(offer):
    offer(NAME, sha256="00000000")
    path = cached_file(CATALOGUE[NAME].address)
    message = refusal(DownloadError, NAME)
    assert f"{path} is not {NAME}" in message and hashlib.sha256(DATA).hexdigest() in message
    assert list(path.parent.iterdir()) == []


def test_a_wrong_file_put_there_by_hand_stays_and_is_named(offer, server):
    offer(NAME, sha256="00000000")
    path = cached_file(CATALOGUE[NAME].address)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"another")
    assert "remove it, and it is fetched again" in refusal(DownloadError, NAME)
    assert path.read_bytes() == b"another" and not server.requests


def test_without_a_network_it_tells_address_and_place_and_takes_what_is_put_there(monkeypatch):
    url = "http://127.0.0.1:9/mobilenet_v2-b0353104.pth"  # nobody listens there
    entry = dataclasses.replace(CATALOGUE[NAME], address=url, sha256=hashlib.sha256(DATA).hexdigest()[:8])
    monkeypatch.setitem(CATALOGUE, NAME, entry)
    path = cached_file(entry.address)
    message = refusal(DownloadError, NAME)
    assert url in message and message.endswith(f"put it at {path}")
    path.write_bytes(DATA)
    assert resolve(NAME) == path and noted(path) == (hashlib.sha256(DATA).hexdigest(), None)


def test_a_training_from_imagenet_without_a_network_can_begin_from_scratch(monkeypatch):
    entry = dataclasses.replace(CATALOGUE[NAME], address="http://127.0.0.1:9/weights.bin")
    monkeypatch.setitem(CATALOGUE, IMAGENET_NAMES["mobilenet_v2", 1.0], entry)
    message = refusal(DownloadError, "imagenet", backbone="mobilenet_v2")
    path = cached_file("http://127.0.0.1:9/weights.bin")
    assert message.endswith(f"put it at {path}, or start from scratch with model.weights=null instead of imagenet")


def test_a_folder_stands_for_the_file_of_weights_in_it(tmp_path):
    (tmp_path / "hf").mkdir()
    assert "is a folder with neither model.safetensors nor pytorch_model.bin" in refusal(WeightsError, tmp_path / "hf")
    (tmp_path / "hf/pytorch_model.bin").touch()
    assert resolve(tmp_path / "hf") == tmp_path / "hf/pytorch_model.bin"
    (tmp_path / "hf/model.safetensors").touch()
    assert resolve(str(tmp_path / "hf")) == tmp_path / "hf/model.safetensors"


def test_what_came_first_is_held(offer):
    """A file that was changed here, and one that was changed where it comes from; until the note beside it is gone."""
    page = offer(NAME)
    path = resolve(NAME)
    sha256 = hashlib.sha256(DATA).hexdigest()
    path.write_bytes(b"changed")
    message = refusal(DownloadError, NAME)
    assert f"{path} is not {NAME}" in message and f"where {sha256} was noted when it first came" in message
    assert "remove it, and it is fetched again" in message and path.read_bytes() == b"changed"
    path.unlink()
    assert resolve(NAME).read_bytes() == DATA
    path.unlink()
    page.data = b"another"
    message = refusal(DownloadError, NAME)
    assert f"where {sha256} was noted" in message and f"get {CATALOGUE[NAME].address} another way" in message
    assert f"or remove {path.name}.sha256 beside it to take another" in message and not path.exists()
    path.with_name(f"{path.name}.sha256").unlink()
    assert resolve(NAME).read_bytes() == b"another"


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ("torchvision_resnet101_v3", "did you mean torchvision_resnet101_v[12]"),
        ("imagnet", "did you mean imagenet"),
        ("runs/none/best.safetensors", "best.safetensors: there is no such file of weights.*`segkit weights`"),
        ("", "there is no such file"),
        ("hf://google", "is no address on the hub: write hf://OWNER"),
        ("hf://a/b/../../c", "is no address on the hub: write hf://OWNER"),
        ("imagenet", r"stands for the weights that a training starts from \(model.weights=imagenet\)"),
    ],
)
def test_what_is_meant_by_nothing_known(weights, said):
    message = refusal(WeightsError, weights)
    assert re.search(said, message) and message.startswith(f"{weights}: ")


def test_imagenet_is_the_backbones(offer, server):
    offer("google_mobilenet_v1", b"v1")
    offer("google_mobilenet_v2_0.75", b"v2")
    offer("torchvision_resnet101_v1", b"r101")
    assert resolve("imagenet", backbone="mobilenet_v1").read_bytes() == b"v1"
    assert resolve("imagenet", backbone="mobilenet_v2", width=0.75).read_bytes() == b"v2"
    assert resolve("imagenet", backbone="resnet101").read_bytes() == b"r101"
    with pytest.raises(WeightsError, match=r"none of mobilenet_v2 at width 0\.5: choose a width of 0\.35, 0\.75, 1, 1"):
        build_model("mobilenet_v2", weights="imagenet", options={"width": 0.5})
    assert refusal(WeightsError, "imagenet", backbone="mine").endswith(
        "at width 1: start from scratch with model.weights=null instead of imagenet"
    )


def published(name) -> tuple[bytes, str]:
    """A file as the entry's makers write it, of random weights, and the importer's name for them."""
    entry = CATALOGUE[name]
    torch.manual_seed(0)
    if entry.importer == "torchvision":
        models = pytest.importorskip("torchvision").models
        builders = {"mobilenet_v2": models.mobilenet_v2, "resnet101": models.resnet101}
        buffer = io.BytesIO()
        torch.save(builders[entry.backbone](weights=None).state_dict(), buffer)
        return buffer.getvalue(), "torchvision"
    if entry.importer == "timm":
        tensors = pytest.importorskip("timm").create_model("mobilenetv1_100").state_dict()
        return save_safetensors(tensors), "timm"
    transformers = pytest.importorskip("transformers")
    version = entry.backbone[-1].upper()
    kind = "ForSemanticSegmentation" if entry.whole else "ForImageClassification"
    config = getattr(transformers, f"MobileNetV{version}Config")(
        num_labels=21 if entry.whole else 1001, depth_multiplier=entry.width
    )
    tensors = getattr(transformers, f"MobileNetV{version}{kind}")(config).state_dict()
    return save_safetensors(tensors), "Hugging Face"


@pytest.mark.parametrize(
    "name", [NAME, "timm_mobilenetv1_100", "google_mobilenet_v1", "google_mobilenet_v2_0.35", "google_mobilenet_v2"]
)
def test_a_name_loads_as_the_file_does(offer, tmp_path, name):
    data, source = published(name)
    entry = CATALOGUE[name]
    offer(name, data)
    path = tmp_path / "by_hand"
    path.write_bytes(data)
    assert read_weights(name).source == source
    for ours, theirs in (
        (load_classifier(name), load_classifier(path)),
        (build_model(entry.backbone, weights=name).backbone, build_model(entry.backbone, weights=path).backbone),
    ):
        state = theirs.state_dict()
        assert all(torch.equal(tensor, state[key]) for key, tensor in ours.state_dict().items())
    assert read_weights(name).backbone == entry.backbone
    assert read_weights(name).options.get("width", 1.0) == pytest.approx(entry.width)


def test_a_whole_network_by_name(offer):
    data, _ = published("google_deeplabv3_mobilenet_v2")
    offer("google_deeplabv3_mobilenet_v2", data)
    model = load_model("google_deeplabv3_mobilenet_v2", output_stride=8)
    assert (model.output_stride, model.canvas, len(model.classes)) == (8, 513, 21)
    offer("google_mobilenet_v2", published("google_mobilenet_v2")[0])
    imagenet = build_model("mobilenet_v2", num_classes=3, weights="imagenet")
    named = build_model("mobilenet_v2", num_classes=3, weights="google_mobilenet_v2")
    assert torch.equal(imagenet.backbone.stem.conv.weight, named.backbone.stem.conv.weight)
    with pytest.raises(WeightsError, match="google_mobilenet_v2: holds a mobilenet_v2 classifier"):
        load_model("google_mobilenet_v2")


@pytest.fixture
def hub(monkeypatch):
    """The calls of `hf_hub_download`, the hub's `files` by name (or the errors that they raise) and its `commits`.

    The commit of a branch is that in `commits`, of anything else itself.
    """
    import huggingface_hub
    from huggingface_hub import errors, hf_hub_url

    calls, files, commits = [], {}, {"main": "a" * 40}

    def found(repository, name):
        file = files.get(name, errors.RemoteEntryNotFoundError)
        if isinstance(file, type):
            error = file.__new__(file)  # some want a response of the hub's HTTP library to be made
            error.args = ("no\nmore",)
            raise error
        return file

    def get_hf_file_metadata(url):
        address, _, rest = url.partition("/resolve/")
        revision, _, name = rest.partition("/")
        found(address, name)
        revision = urllib.parse.unquote(revision)
        return SimpleNamespace(commit_hash=commits.get(revision, revision))

    def hf_hub_download(repo_id, filename, *, revision, local_dir):
        calls.append((repo_id, filename, revision))
        path = local_dir / filename
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(found(repo_id, filename))

    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", get_hf_file_metadata)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", hf_hub_download)
    return SimpleNamespace(calls=calls, files=files, commits=commits, errors=errors, url=hf_hub_url)


def test_the_hub_is_asked_for_what_is_named(hub, cache):
    hub.files |= {"pytorch_model.bin": b"bin", "sub/other.safetensors": b"other"}
    path = resolve("hf://google/some_model")
    assert path == cache / "hub/google/some_model/main/pytorch_model.bin" and path.read_bytes() == b"bin"
    assert resolve("hf://google/some_model") == path and len(hub.calls) == 1
    assert resolve("hf://google/m/sub/other.safetensors@v1/x").read_bytes() == b"other"
    assert hub.calls[-1] == ("google/m", "sub/other.safetensors", "v1/x")
    assert resolve(Path("hf://google/m@abc/def")).parent == cache / "hub/google/m/abc/def"  # a Path keeps one slash
    assert resolve("google_mobilenet_v1") == cache / "hub/google/mobilenet_v1_1.0_224/main/pytorch_model.bin"


def test_the_commit_is_noted_and_asked_for_later(hub):
    hub.files["model.safetensors"] = b"first"
    path = resolve("hf://a/b")
    sha256 = hashlib.sha256(b"first").hexdigest()
    assert noted(path) == (sha256, "a" * 40)
    assert path.with_name("model.safetensors.sha256").read_text().endswith(f"\n# commit {'a' * 40}\n")
    path.unlink()
    hub.commits["main"] = "b" * 40
    assert resolve("hf://a/b").read_bytes() == b"first" and hub.calls[-1] == ("a/b", "model.safetensors", "a" * 40)
    path.unlink()
    hub.files["model.safetensors"] = b"second"  # under the same commit
    message = refusal(DownloadError, "hf://a/b")
    assert f"{path} is not hf://a/b" in message and f"where {sha256} was noted" in message and not path.exists()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("RepositoryNotFoundError", "no such repository, or it is private"),
        ("GatedRepoError", "its owner lets in only those who asked"),
        ("RevisionNotFoundError", "has no revision main2"),
        (
            "LocalEntryNotFoundError",
            "get https://huggingface.co/a/b/resolve/main2/model.safetensors another way and put",
        ),
        ("HFValidationError", "cannot be had from the hub (no): get https://huggingface.co/a/b"),
        ("RemoteEntryNotFoundError", "has neither model.safetensors nor pytorch_model.bin: name one that it has"),
    ],
)
def test_errors_of_the_hub_are_one_sentence(hub, error, said):
    hub.files["model.safetensors"] = getattr(hub.errors, error)
    message = refusal(DownloadError, "hf://a/b@main2")
    assert message.startswith("hf://a/b@main2: ") and said in message


@pytest.fixture
def ours(tmp_path):
    """A small network of ours, and the file of it."""
    model = build_network("mobilenet_v2", classes=("a", "b"), aspp=False, options={"width": 0.25})
    save_model(tmp_path / "ours.safetensors", model)
    return model, tmp_path / "ours.safetensors"


@pytest.fixture
def served(ours):
    """The address of a server that answers as the hub does; it has the file in the repository me/mine."""
    data = ours[1].read_bytes()

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            there = self.path in [f"/me/mine/resolve/{of}/model.safetensors" for of in ("main", "0" * 40)]
            self.send_response(200 if there else 404)
            self.send_header("X-Repo-Commit", "0" * 40)
            self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
            self.send_header("Content-Length", str(len(data) if there else 0))
            if not there:
                self.send_header("X-Error-Code", "EntryNotFound" if "/mine/" in self.path else "RepoNotFound")
            self.end_headers()

        def do_GET(self) -> None:
            self.do_HEAD()
            if "/mine/" in self.path and self.path.endswith("/model.safetensors"):
                self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    web = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{web.server_address[1]}"
    web.shutdown()
    web.server_close()


RESOLVE = """
import json, sys
from segkit.base.errors import SegkitError
from segkit.weights.cache import resolve
for address in sys.argv[1:]:
    try:
        print(json.dumps(str(resolve(address))))
    except SegkitError as error:
        print(json.dumps(f"{type(error).__name__}: {error}"))
"""


def test_a_model_of_ours_on_a_hub(ours, served):
    """The real hub client, in a process of its own, against a local server."""
    model, file = ours
    addresses = ["hf://me/mine", "hf://me/mine/absent.safetensors", "hf://me/absent"]
    environment = os.environ | {"HF_ENDPOINT": served, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
    done = subprocess.run(
        [sys.executable, "-c", RESOLVE, *addresses], env=environment, capture_output=True, text=True, check=True
    )
    path, no_file, no_repository = map(json.loads, done.stdout.splitlines())
    assert Path(path) == cache_folder() / "hub/me/mine/main/model.safetensors"
    assert noted(Path(path)) == (hashlib.sha256(file.read_bytes()).hexdigest(), "0" * 40)
    assert torch.equal(load_model(path).classifier.weight, model.classifier.weight)
    assert no_file.startswith(
        "DownloadError: hf://me/mine/absent.safetensors: has no file absent.safetensors: name one"
    )
    assert "no such repository" in no_repository


def test_a_training_that_starts_from_nothing_known_says_so():
    with pytest.raises(SegkitError, match="no such file"):
        build_model("mobilenet_v2", weights="nowhere.pth")


ARCHIVE = "deeplabv3_mnv2_dm05_pascal_trainaug_2018_10_01"


@pytest.fixture
def copied(offer, server, monkeypatch):
    """The page of an entry's first address, and that of its copy."""
    first = offer(ARCHIVE)
    copy = dataclasses.replace(
        CATALOGUE[ARCHIVE].copy, address=server.url("a%20folder/graph.pb"), sha256=hashlib.sha256(DATA[1:]).hexdigest()
    )
    monkeypatch.setitem(CATALOGUE, ARCHIVE, dataclasses.replace(CATALOGUE[ARCHIVE], copy=copy))
    second = server.pages["a%20folder/graph.pb"] = Page(DATA[1:])
    return first, second


def test_a_copy_is_asked_where_the_first_cannot_be_had(copied, server, cache):
    del server.pages[f"{ARCHIVE}.bin"]
    told = []
    path = resolve(ARCHIVE, tell=told.append)
    assert path == cache / f"weights/{ARCHIVE}.pb" == cached_entry(CATALOGUE[ARCHIVE])
    assert path.read_bytes() == DATA[1:] and noted(path).sha256 == hashlib.sha256(DATA[1:]).hexdigest()
    assert len(told) == 1 and "answers 404" in told[0] and "a copy is asked for now" in told[0]
    assert CATALOGUE[ARCHIVE].copy.address in told[0]
    server.pages.clear()
    assert resolve(ARCHIVE, tell=told.append) == path and len(told) == 1
    assert read_lineage(path).trained_on == ("COCO", "ImageNet", "VOC train_aug")
    elsewhere = cache / "elsewhere.bin"  # told by its checksum
    elsewhere.write_bytes(DATA[1:])
    assert read_lineage(elsewhere).trained_on == ("COCO", "ImageNet", "VOC train_aug")


def test_the_first_goes_before_a_copy(copied, cache):
    told = []
    assert resolve(ARCHIVE, tell=told.append) == cache / f"weights/{ARCHIVE}.bin" and not told


def test_both_addresses_are_told_where_neither_helps(copied, server):
    del server.pages[f"{ARCHIVE}.bin"]
    server.pages["a%20folder/graph.pb"] = Page(b"another file")
    said = refusal(DownloadError, ARCHIVE)
    assert f"{ARCHIVE}.bin cannot be had" in said and f"is not {ARCHIVE} (its SHA-256 is" in said
    assert not cached_entry(CATALOGUE[ARCHIVE]).exists()
