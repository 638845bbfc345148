import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segkit.models.layers import Conv, ConvNormAct, MaxPool, PictureNetwork, initialise
from segkit.models.mobilenet_v2 import InvertedResidual


def same_by_definition(x: Tensor, weight: Tensor, stride: int, dilation: int) -> Tensor:
    """TensorFlow's 'SAME' for one channel, tap by tap, with what lies outside the map taken as 0."""
    height, width = x.shape
    taps = weight.shape[0]
    reach = (taps - 1) * dilation + 1
    rows, columns = -(-height // stride), -(-width // stride)
    above = max((rows - 1) * stride + reach - height, 0) // 2
    left = max((columns - 1) * stride + reach - width, 0) // 2
    made = torch.zeros(rows, columns)
    for i in range(rows):
        for j in range(columns):
            for u in range(taps):
                for v in range(taps):
                    row, column = i * stride + u * dilation - above, j * stride + v * dilation - left
                    if 0 <= row < height and 0 <= column < width:
                        made[i, j] += weight[u, v] * x[row, column]
    return made


@pytest.mark.parametrize("size", [(7, 7), (8, 8), (7, 8), (10, 5), (1, 2)])
@pytest.mark.parametrize(("kernel_size", "stride", "dilation"), [(3, 2, 1), (3, 1, 1), (3, 1, 2), (7, 2, 1), (1, 2, 1)])
def test_tensorflow_padding_is_the_definition(
    size: tuple[int, int], kernel_size: int, stride: int, dilation: int
) -> None:
    torch.manual_seed(0)
    conv = Conv(1, 1, kernel_size, stride=stride, dilation=dilation, padding="tensorflow")
    x = torch.randn(size)
    expected = same_by_definition(x, conv.weight[0, 0].detach(), stride, dilation)
    torch.testing.assert_close(conv(x[None, None])[0, 0], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", [(9, 9), (9, 17), (8, 8), (8, 9)])
def test_the_two_paddings_agree_at_odd_sides_only(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    ours = Conv(3, 4, 3, stride=2)
    theirs = Conv(3, 4, 3, stride=2, padding="tensorflow")
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 3, *size)
    assert ours(x).shape == theirs(x).shape
    alike = torch.allclose(ours(x), theirs(x), atol=1e-5)
    assert alike == all(side % 2 == 1 for side in size)


def test_at_an_even_side_the_odd_pixel_is_at_the_end() -> None:
    conv = Conv(1, 1, 3, stride=2, padding="tensorflow")
    nn.init.constant_(conv.weight, 1)
    columns = torch.tensor([1.0, 10.0, 100.0, 1000.0]).expand(1, 1, 4, 4)
    # Three rows of every window, two of the last one; columns 0-2, then 2-3 and one of padding.
    assert conv(columns)[0, 0].tolist() == [[333, 3300], [222, 2200]]


@pytest.mark.parametrize("padding", ["symmetric", "tensorflow"])
@pytest.mark.parametrize("side", [1, 2, 15, 16, 33])
@pytest.mark.parametrize(("kernel_size", "stride", "dilation"), [(1, 1, 1), (3, 1, 4), (3, 2, 1), (7, 2, 1)])
def test_a_side_is_divided_and_rounded_up(
    padding: str, side: int, kernel_size: int, stride: int, dilation: int
) -> None:
    conv = Conv(2, 3, kernel_size, stride=stride, dilation=dilation, padding=padding)
    made = conv(torch.zeros(1, 2, side, side + 1))
    assert made.shape == (1, 3, -(-side // stride), -(-(side + 1) // stride))


@pytest.mark.parametrize(("activation", "highest"), [("relu", 20.0), ("relu6", 6.0), ("none", 20.0)])
def test_the_activation_comes_last(activation: str, highest: float) -> None:
    block = ConvNormAct(1, 1, activation=activation).eval()
    nn.init.constant_(block.conv.weight, 1)
    made = block(torch.tensor([-10.0, 0.5, 20.0]).view(1, 1, 1, 3)).flatten()
    lowest = -10.0 if activation == "none" else 0.0
    torch.testing.assert_close(made, torch.tensor([lowest, 0.5, highest]), rtol=1e-4, atol=1e-4)
    assert block.conv.bias is None


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (7, 8), (12, 9)])
@pytest.mark.parametrize("dilation", [2, 3, 4])
def test_a_dilated_depthwise_convolution_learns_by_phases(dilation: int, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    conv = Conv(3, 3, 3, dilation=dilation, groups=3).double()
    x = torch.randn(2, 3, *size, dtype=torch.double, requires_grad=True)
    plain = F.conv2d(x, conv.weight, padding=dilation, dilation=dilation, groups=3)
    made = conv(x)
    torch.testing.assert_close(made, plain)
    assert made.shape == plain.shape and made.is_contiguous(memory_format=torch.channels_last)
    towards = torch.randn_like(plain)
    found, expected = (torch.autograd.grad(y, (x, conv.weight), towards) for y in (made, plain))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("groups", [1, 32])
@pytest.mark.parametrize("dilation", [1, 2])
def test_the_gradients_of_bfloat16_are_those_of_float32(dilation: int, groups: int) -> None:
    # oneDNN's own are noise for a dilated depthwise convolution of this size, on CPUs that have bfloat16.
    torch.manual_seed(0)
    conv = Conv(32, 32, 3, dilation=dilation, groups=groups)
    x = torch.randn(2, 32, 33, 33).to(memory_format=torch.channels_last)
    towards = torch.randn(2, 32, 33, 33)
    gradients = []
    for enabled in (False, True):
        image = x.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            made = conv(image)
        (made.float() * towards).sum().backward()
        gradients.append((image.grad, conv.weight.grad))
        conv.zero_grad()
    for right, found in zip(*gradients, strict=True):
        # Rounding comes to 0.5 % here; where more partial sums are rounded, to a few times that. Noise is 100 %.
        assert (found - right).norm() < 0.03 * right.norm()


def test_bfloat16_predicts_in_bfloat16() -> None:
    conv = Conv(32, 32, 3, dilation=2, groups=32)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        assert conv(torch.zeros(1, 32, 9, 9)).dtype == torch.bfloat16


def test_fresh_weights() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(ConvNormAct(8, 256, 3), nn.Conv2d(256, 4, 1))
    nn.init.constant_(module[0].norm.running_mean, 7)
    initialise(module)
    # He, fan out: variance 2 / (256 * 3 * 3).
    assert module[0].conv.weight.std().item() == pytest.approx((2 / (256 * 9)) ** 0.5, rel=0.03)
    assert module[0].norm.running_mean.abs().sum() == 0
    assert (module[0].norm.weight == 1).all()
    assert (module[1].bias == 0).all()


def test_a_fresh_residual_branch_adds_nothing() -> None:
    block = InvertedResidual(
        8, 8, expansion=6, stride=1, dilation=1, padding="symmetric", eps=1e-3, residual=True
    ).eval()
    initialise(block)
    x = torch.randn(1, 8, 9, 9)
    torch.testing.assert_close(block(x), x)


@pytest.mark.parametrize("side", [7, 8])
def test_pooling_is_padded_by_either_rule(side):
    """TensorFlow's at an even side has its odd row and column at the end, so a window begins at every second pixel."""
    x = torch.rand(1, 2, side, side)
    symmetric, tensorflow = (MaxPool(3, stride=2, padding=padding)(x) for padding in ("symmetric", "tensorflow"))
    assert symmetric.shape == tensorflow.shape == (1, 2, 4, 4)
    assert torch.equal(symmetric, tensorflow) == (side == 7)
    assert torch.equal(symmetric, F.max_pool2d(x, 3, 2, 1))
    if side == 8:
        assert tensorflow[0, 0, 0, 0] == x[0, 0, :3, :3].max() and tensorflow[0, 0, -1, -1] == x[0, 0, 6:, 6:].max()


def test_a_network_normalises_each_channel_by_its_own_mean_and_deviation() -> None:
    network = PictureNetwork(mean=(10, 20, 30), std=(2, 4, 8))
    images = torch.tensor([14, 12, 46], dtype=torch.uint8).view(1, 3, 1, 1).expand(2, 3, 4, 5)
    expected = torch.tensor([2.0, -2.0, 2.0]).view(1, 3, 1, 1).expand(2, 3, 4, 5)
    assert torch.equal(network.normalise(images), expected) and torch.equal(
        network.normalise(images.double()), expected
    )
    assert network.mean.shape == network.std.shape == (1, 3, 1, 1)
    assert not network.state_dict() and network.device == torch.device("cpu")
    assert network.to("meta").device.type == "meta"
