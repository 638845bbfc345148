import pytest

from segkit.models.atrous import OUTPUT_STRIDES, aspp_rates, atrous_plan, check_output_stride

# The strides of a short network, and its plans worked out by hand as (stride, dilation).
HALVE_FIVE_TIMES = (2, 2, 2, 2, 2, 1)
MOBILENET_V1 = (2, 1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
LAST_UNIT_STRIDED = (2, 2, 1, 2, 1, 2, 1, 2, 1, 1)


@pytest.mark.parametrize(
    ("strides", "output_stride", "plan"),
    [
        (HALVE_FIVE_TIMES, 32, [(2, 1), (2, 1), (2, 1), (2, 1), (2, 1), (1, 1)]),
        (HALVE_FIVE_TIMES, 16, [(2, 1), (2, 1), (2, 1), (2, 1), (1, 1), (1, 2)]),
        (HALVE_FIVE_TIMES, 8, [(2, 1), (2, 1), (2, 1), (1, 1), (1, 2), (1, 4)]),
        (MOBILENET_V1, 32, [(stride, 1) for stride in MOBILENET_V1]),
        (MOBILENET_V1, 16, [(stride, 1) for stride in MOBILENET_V1[:12]] + [(1, 1), (1, 2)]),
        (MOBILENET_V1, 8, [(stride, 1) for stride in MOBILENET_V1[:6]] + [(1, 1)] + [(1, 2)] * 6 + [(1, 4)]),
        (LAST_UNIT_STRIDED, 32, [(stride, 1) for stride in LAST_UNIT_STRIDED]),
        (
            LAST_UNIT_STRIDED,
            16,
            [(2, 1), (2, 1), (1, 1), (2, 1), (1, 1), (2, 1), (1, 1), (1, 1), (1, 2), (1, 2)],
        ),
        (
            LAST_UNIT_STRIDED,
            8,
            [(2, 1), (2, 1), (1, 1), (2, 1), (1, 1), (1, 1), (1, 2), (1, 2), (1, 4), (1, 4)],
        ),
        ((1, 1), 8, [(1, 1), (1, 1)]),
        ((), 8, []),
    ],
)
def test_plans_by_hand(strides: tuple[int, ...], output_stride: int, plan: list[tuple[int, int]]) -> None:
    assert atrous_plan(strides, output_stride) == plan


def test_a_unit_that_loses_its_stride_keeps_the_dilation_of_its_input() -> None:
    plan = atrous_plan(HALVE_FIVE_TIMES, 8)
    assert plan[3] == (1, 1)
    assert plan[4] == (1, 2)


def test_rates_follow_from_the_output_stride() -> None:
    assert aspp_rates(16) == (6, 12, 18)
    assert aspp_rates(8) == (12, 24, 36)
    assert aspp_rates(32) == (3, 6, 9)


@pytest.mark.parametrize("output_stride", [0, 4, 12, 64, -8])
def test_other_output_strides_are_refused(output_stride: int) -> None:
    for refuse in (check_output_stride, aspp_rates, lambda value: atrous_plan((2, 2), value)):
        with pytest.raises(ValueError, match=f"output stride {output_stride} is not one of"):
            refuse(output_stride)
    for known in OUTPUT_STRIDES:
        check_output_stride(known)
