"""Weights by name: from a path, a name of the catalogue or the Hugging Face hub to a file on this machine."""

import difflib
import os
import re
from pathlib import Path

from segkit.base.download import Progress, download
from segkit.base.errors import DownloadError, WeightsError
from segkit.base.files import file_digest, write_atomically
from segkit.weights.catalogue import CATALOGUE, IMAGENET, IMAGENET_NAMES, Public

HUB_FILES = ("model.safetensors", "pytorch_model.bin")
"""What is looked for in a repository of the hub where no file is named."""

# One slash where a Path has swallowed the other.
_HUB = re.compile(r"^hf:/{1,2}(?P<repository>[^/@]+/[^/@]+)(?:/(?P<file>[^@]+))?(?:@(?P<revision>.+))?$")


def resolve(
    weights: Path | str, *, backbone: str | None = None, width: float = 1.0, progress: Progress | None = None
) -> Path:
    """The file of weights that is meant, fetched where it is not here yet.

    `weights` is the path of a file, a name of `CATALOGUE`, "hf://OWNER/REPOSITORY[/FILE][@REVISION]", or "imagenet" for
    the weights of `backbone` at `width`. `progress` is `download`'s. Raises WeightsError for what is none of these, and
    DownloadError, which says what to put where, for what cannot be fetched.
    """
    text = os.fspath(weights)
    if Path(text).is_file():
        return Path(text)
    if text == IMAGENET:
        return _fetched(_imagenet(backbone, width), progress)
    if text in CATALOGUE:
        return _fetched(CATALOGUE[text], progress)
    if match := _HUB.match(text):
        return _from_hub(match["repository"], match["file"], match["revision"])
    if text.startswith("hf:"):
        raise WeightsError(f"{text}: is no address on the hub: write hf://OWNER/REPOSITORY[/FILE][@REVISION]")
    near = difflib.get_close_matches(text, [*CATALOGUE, IMAGENET], n=1)
    meant = f"did you mean {near[0]}?" if near else "correct the path, or choose a name that `segkit weights` lists"
    raise WeightsError(f"{text}: there is no such file of weights, and no public weights have this name: {meant}")


def cache_folder() -> Path:
    """Where fetched weights are kept: $SEGKIT_CACHE, else segkit in $XDG_CACHE_HOME, else ~/.cache/segkit.

    As the XDG base directory specification has it, an $XDG_CACHE_HOME that is no absolute path is passed over.
    """
    if own := os.environ.get("SEGKIT_CACHE"):
        return Path(own).expanduser()
    common = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (common if common.is_absolute() else Path.home() / ".cache") / "segkit"


def cached_file(entry: Public) -> Path:
    """Where the file of an entry is kept, whether or not it is there."""
    return cache_folder() / "weights" / entry.file


def known_sha256(path: Path) -> str | None:
    """The checksum that was computed when a file came into the cache, None where none was."""
    try:
        return _note(path).read_text(encoding="utf-8").split()[0]
    except (OSError, UnicodeDecodeError, IndexError):
        return None


def _imagenet(backbone: str | None, width: float) -> Public:
    if backbone is None:
        raise WeightsError(
            f"{IMAGENET}: stands for the weights that a training starts from (model.weights={IMAGENET}): give a file "
            "or a name that `segkit weights` lists"
        )
    if (backbone, width) not in IMAGENET_NAMES:
        widths = ", ".join(f"{known:g}" for name, known in sorted(IMAGENET_NAMES) if name == backbone)
        raise WeightsError(
            f"{IMAGENET}: there are none of {backbone} at width {width:g}: choose a width of {widths or 1}, "
            "or leave the weights out to start from scratch"
        )
    return CATALOGUE[IMAGENET_NAMES[backbone, width]]


def _fetched(entry: Public, progress: Progress | None) -> Path:
    path = cached_file(entry)
    if known_sha256(path) and path.is_file():
        return path
    by_hand = path.is_file()
    download(entry.urls, path, progress=progress)
    found = file_digest(path)
    if not found.startswith((entry.sha256 or "").lower()):
        if not by_hand:
            path.unlink()
        raise DownloadError(
            f"{path} is not {entry.name} (its SHA-256 is {found}, where {entry.sha256}... is published): "
            + ("remove it, and it is fetched again" if by_hand else f"get {entry.urls[0]} another way and put it there")
        )
    # In the form of sha256sum, so that `sha256sum --check` reads it.
    write_atomically(_note(path), f"{found}  {path.name}\n")
    return path


def _note(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def _from_hub(repository: str, file: str | None, revision: str | None) -> Path:
    from huggingface_hub import constants, hf_hub_download  # takes a while to import, and few need it
    from huggingface_hub import errors as hub

    where = f"hf://{repository}" + (f"@{revision}" if revision else "")
    for name in (file,) if file else HUB_FILES:
        try:
            return Path(hf_hub_download(repository, name, revision=revision, cache_dir=cache_folder() / "hub"))
        except hub.GatedRepoError:
            reason = "its owner lets in only those who asked: ask on its page, log in with `hf auth login`"
        except hub.RepositoryNotFoundError:
            reason = "there is no such repository, or it is private: correct the name, or log in with `hf auth login`"
        except hub.RevisionNotFoundError:
            reason = f"it has no revision {revision}: name a branch, a tag or a commit that it has"
        except hub.LocalEntryNotFoundError:  # also an EntryNotFoundError, so before it
            address = f"{constants.ENDPOINT}/{repository}/resolve/{revision or 'main'}/{name}"
            reason = f"the hub cannot be reached: get {address} another way, and give the path of that file"
        except hub.EntryNotFoundError:
            continue
        except Exception as error:  # whatever the network layers raise; nothing of it is segkit's
            reason = f"{str(error).split(chr(10))[0] or type(error).__name__}: try again, or give the path of a file"
        raise DownloadError(f"{where}: {reason}")
    looked_for = f"no file {file}" if file else f"neither {' nor '.join(HUB_FILES)}"
    raise DownloadError(f"{where}: has {looked_for}: name one that it has, as in hf://{repository}/FILE")
