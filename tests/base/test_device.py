"""Devices that are there, and a sentence for those that are not."""

import pytest
import torch

from segkit.base.device import autocast, choose_device, choose_precision, memory_for
from segkit.base.errors import ConfigError, DeviceError

CPU = torch.device("cpu")


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.mark.usefixtures("no_gpu")
def test_without_a_gpu():
    assert choose_device("auto") == choose_device("cpu") == CPU
    for name in ("cuda", "cuda:7", "mps"):
        with pytest.raises(DeviceError, match=rf"^the device {name} is not on this machine: choose auto or cpu$"):
            choose_device(name)


def test_with_two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("auto") == torch.device("cuda")
    assert choose_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(DeviceError, match="cuda:2 is not on this machine"):
        choose_device("cuda:2")


@pytest.mark.parametrize("name", ["nonsense", "", "gpu", "cuda:x", "cuda:-1", "CPU", "cuda:99999999999999999999"])
def test_what_is_no_device(name):
    with pytest.raises(DeviceError, match="is no device: choose auto, cpu, cuda, cuda:1 or mps"):
        choose_device(name)


@pytest.mark.parametrize("name", ["meta", "xpu"])
def test_devices_that_nobody_trains_on_here(name):
    with pytest.raises(DeviceError, match="is not on this machine"):
        choose_device(name)


def test_precisions_by_name():
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)):
        assert choose_precision(name, CPU) == dtype


def test_auto_on_a_cpu_is_what_its_instructions_do_well(monkeypatch):
    real = torch.ops.mkldnn._is_mkldnn_bf16_supported() if torch.backends.mkldnn.is_available() else False
    assert choose_precision("auto", CPU) == (torch.bfloat16 if real else torch.float32)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert choose_precision("auto", CPU) == torch.float32
    assert choose_precision("auto", torch.device("mps")) == torch.float32


@pytest.mark.parametrize(("supported", "dtype"), [(True, torch.bfloat16), (False, torch.float16)])
def test_auto_on_a_gpu(monkeypatch, supported, dtype):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: supported)
    assert choose_precision("auto", torch.device("cuda")) == dtype


def test_a_precision_that_there_is_not():
    with pytest.raises(ConfigError, match="'fp8' is no precision: choose auto, fp32, bf16, fp16"):
        choose_precision("fp8", torch.device("cpu"))


def test_float32_is_no_tensor_float32() -> None:
    """Whatever was set before, for what comes after too: a backward pass is outside the context."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    with autocast(torch.device("cpu"), torch.float32):
        pass
    assert not torch.backends.cuda.matmul.allow_tf32 and not torch.backends.cudnn.allow_tf32
    assert torch.get_float32_matmul_precision() == "highest"


NO_ROOM = "[enforce fail at x.cpp:1] . DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes."


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RuntimeError(NO_ROOM), "(. DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes.)"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nMore"), "(CUDA out of memory. Tried to"),
        (MemoryError(), "(allocation failed)"),
    ],
)
def test_memory_that_runs_out_is_told_with_the_way_out(error: Exception, told: str) -> None:
    with pytest.raises(DeviceError) as caught, memory_for("a step at crop 513", "lower train.crop"):
        raise error
    assert str(caught.value).startswith(f"there is not enough memory for a step at crop 513 {told}")
    assert str(caught.value).endswith("): lower train.crop")


def test_other_errors_pass() -> None:
    with pytest.raises(RuntimeError, match="shapes"), memory_for("a step", "lower it"):
        raise RuntimeError("shapes do not fit")
