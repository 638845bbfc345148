"""Weights by name: from a path, a name of the catalogue or the Hugging Face hub to a file on this machine.

What a name brings is held to what it brought first: its SHA-256, and on the hub its commit, are noted beside the file.
"""

import difflib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from segkit.base.download import download
from segkit.base.errors import DownloadError, WeightsError, told_by
from segkit.base.files import BytesDone, file_digest, write_atomically
from segkit.weights.catalogue import CATALOGUE, IMAGENET, IMAGENET_NAMES
from segkit.weights.public import Public
from segkit.weights.tensorflow.choice import find_file

HUB_FILES = ("model.safetensors", "pytorch_model.bin")
"""What is looked for in a repository of the hub where no file is named."""

# One slash where a Path has swallowed the other.
_HUB = re.compile(r"^hf:/{1,2}(?P<repository>[^/@]+/[^/@]+)(?:/(?P<file>[^@]+))?(?:@(?P<revision>.+))?$")
_NOTE = re.compile(r"^(?P<sha256>[0-9a-f]{64})  .*\n(?:# commit (?P<commit>\S+)\n)?$")


class Noted(NamedTuple):
    """What is known of a file in the cache: its SHA-256, and the commit of the hub that it came from."""

    sha256: str
    commit: str | None


class _Source(NamedTuple):
    """Where a file is, where it is kept, and its SHA-256 or the beginning of it as far as that is known."""

    address: str
    path: Path
    published: str


def resolve(
    weights: Path | str,
    *,
    backbone: str | None = None,
    width: float = 1.0,
    progress: BytesDone | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> Path:
    """The file of weights that is meant, fetched where it is not here yet.

    `weights` is the path of a file, of a checkpoint of TensorFlow's (model.ckpt-N), or of a folder with one file of
    weights in it; a name of `CATALOGUE`, "hf://OWNER/REPOSITORY[/FILE][@REVISION]", or "imagenet" for the weights of
    `backbone` at `width`. `progress` is `download`'s; the hub's client shows its own. `tell` hears why a copy is asked.
    Raises WeightsError for what is none of these, and DownloadError, which says what to put where, for what cannot be
    fetched and for a file that is not the published one, or not the one that came first.
    """
    text = os.fspath(weights)
    if text and (path := _here(Path(text))):
        return path
    name = _imagenet(backbone, width) if text == IMAGENET else text
    if name in CATALOGUE:
        try:
            return _public(CATALOGUE[name], progress, tell)
        except DownloadError as error:
            scratch = f", or start from scratch with model.weights=null instead of {IMAGENET}"
            raise DownloadError(f"{error}{scratch if text == IMAGENET else ''}") from None
    if _HUB.match(name) and ".." not in name:
        return _obtained(name, _Source(name, cached_file(name), ""), progress)
    if name.startswith("hf:"):
        raise WeightsError(f"{text}: is no address on the hub: write hf://OWNER/REPOSITORY[/FILE][@REVISION]")
    if text and Path(text).is_dir():
        raise WeightsError(
            f"{text}: is a folder with neither {' nor '.join(HUB_FILES)} in it, nor a checkpoint or frozen graph of "
            "TensorFlow's: name the file of weights"
        )
    near = difflib.get_close_matches(text, [*CATALOGUE, IMAGENET], n=1)
    meant = f"did you mean {near[0]}?" if near else "correct the path, or choose a name that `segkit weights` lists"
    raise WeightsError(f"{text}: there is no such file of weights, and no public weights have this name: {meant}")


def _here(path: Path) -> Path | None:
    """The file at a path, or in the folder there; None where there is none."""
    return next((file for file in (path / name for name in HUB_FILES) if file.is_file()), None) or find_file(path)


def cache_folder() -> Path:
    """Where fetched weights are kept: $SEGKIT_CACHE, else segkit in $XDG_CACHE_HOME, else ~/.cache/segkit.

    As the XDG base directory specification has it, an $XDG_CACHE_HOME that is no absolute path is passed over.
    """
    if own := os.environ.get("SEGKIT_CACHE"):
        return Path(own).expanduser()
    common = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (common if common.is_absolute() else Path.home() / ".cache") / "segkit"


def cached_file(address: str) -> Path:
    """Where the file at an address is kept, or will be; the likelier one where an address does not name its file."""
    files = _places(address)
    return next((file for file in files if file.is_file()), files[0])


def cached_entry(entry: Public) -> Path:
    """Where the weights of an entry are kept, or will be; its copy only where that is here and the first is not."""
    sources = _sources(entry)
    return next((source for source in sources if source.path.is_file()), sources[0]).path


def noted(path: Path) -> Noted | None:
    """What was noted of a file in the cache when it came there, None where nothing was."""
    try:
        match = _NOTE.match(_note(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
    return Noted(match["sha256"], match["commit"]) if match else None


def _imagenet(backbone: str | None, width: float) -> str:
    if backbone is None:
        raise WeightsError(
            f"{IMAGENET}: stands for the weights that a training starts from (model.weights={IMAGENET}): give a file "
            "or a name that `segkit weights` lists"
        )
    if (backbone, width) not in IMAGENET_NAMES:
        widths = ", ".join(f"{known:g}" for name, known in sorted(IMAGENET_NAMES) if name == backbone)
        raise WeightsError(
            f"{IMAGENET}: there are none of {backbone} at width {width:g}: "
            + (f"choose a width of {widths}, or " if widths else "")
            + f"start from scratch with model.weights=null instead of {IMAGENET}"
        )
    return IMAGENET_NAMES[backbone, width]


def _places(address: str) -> list[Path]:
    """Where the file at an address may be kept: below a folder for each repository and revision of the hub."""
    if match := _HUB.match(address):
        folder = cache_folder() / "hub" / match["repository"] / (match["revision"] or "main")
        return [folder / name for name in ([match["file"]] if match["file"] else HUB_FILES)]
    return [cache_folder() / "weights" / address.rpartition("/")[2]]


def _sources(entry: Public) -> list[_Source]:
    sources = [_Source(entry.address, cached_file(entry.address), entry.sha256 or "")]
    if entry.copy is not None:
        place = cache_folder() / "weights" / (entry.name + Path(entry.copy.address).suffix)
        sources.append(_Source(entry.copy.address, place, entry.copy.sha256))
    return sources


def _public(entry: Public, progress: BytesDone | None, tell: Callable[[str], None]) -> Path:
    """The file of an entry: the one that is here, else the first that can be had."""
    sources = _sources(entry)
    failures: list[str] = []
    for source in [source for source in sources if source.path.is_file()][:1] or sources:
        if failures:
            tell(f"{failures[-1]}; a copy is asked for now, {source.address}")
        try:
            return _obtained(entry.name, source, progress)
        except DownloadError as error:
            failures.append(str(error))
    raise DownloadError("; ".join(failures))


def _obtained(name: str, source: _Source, progress: BytesDone | None) -> Path:
    """The file at an address, held to what is known of it."""
    (address, path, published), commit = source, None
    here = path.is_file()
    if not here and (match := _HUB.match(address)):
        path, commit = _from_hub(match, _places(address))
    elif not here:
        download([address], path, progress=progress)
    first, found = noted(path), file_digest(path)
    if not found.startswith(first.sha256 if first else published.lower()):
        if not here:
            path.unlink()
        was = f"{first.sha256} was noted when it first came" if first else f"{published}... is published"
        raise DownloadError(
            f"{path} is not {name} (its SHA-256 is {found}, where {was}): "
            + ("remove it, and it is fetched again" if here else f"get {address} another way and put it there")
            + (f", or remove {_note(path).name} beside it to take another from now on" if first else "")
        )
    if first is None:  # in the form of sha256sum, so that `sha256sum --check` reads it
        write_atomically(_note(path), f"{found}  {path.name}\n" + (f"# commit {commit}\n" if commit else ""))
    return path


def _note(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def _from_hub(address: re.Match[str], places: list[Path]) -> tuple[Path, str | None]:
    """Bring the first of `places` that the repository has a file for; and the commit that it is of.

    What has been here before is asked for at the commit that it came from.
    """
    from huggingface_hub import errors as hub  # takes a while to import, and few need it
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url

    repository, file, revision = address.group("repository", "file", "revision")
    for path in sorted(places, key=lambda path: noted(path) is None):
        name, first = file or path.name, noted(path)
        url = hf_hub_url(repository, name, revision=first.commit if first and first.commit else revision)
        try:
            commit = get_hf_file_metadata(url).commit_hash
            hf_hub_download(repository, name, revision=commit, local_dir=path.parents[name.count("/")])
            return path, commit
        except Exception as error:  # also whatever the network layers raise; nothing of it is segkit's
            if not isinstance(error, hub.EntryNotFoundError) or isinstance(error, hub.LocalEntryNotFoundError):
                raise DownloadError(f"{address[0]}: {_hub_reason(error, revision, url, path)}") from None
    looked_for = f"no file {file}" if file else f"neither {' nor '.join(HUB_FILES)}"
    raise DownloadError(f"{address[0]}: has {looked_for}: name one that it has, as in hf://{repository}/FILE")


def _hub_reason(error: Exception, revision: str | None, url: str, path: Path) -> str:
    from huggingface_hub import errors as hub

    if isinstance(error, hub.GatedRepoError):
        return "its owner lets in only those who asked: ask on its page, log in with `hf auth login`"
    if isinstance(error, hub.RepositoryNotFoundError):
        return "there is no such repository, or it is private: correct the name, or log in with `hf auth login`"
    if isinstance(error, hub.RevisionNotFoundError):
        return f"it has no revision {revision}: name a branch, a tag or a commit that it has"
    return f"cannot be had from the hub ({told_by(error)}): get {url} another way and put it at {path}"
