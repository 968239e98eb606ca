import pytest

from reports.robustness.measure import SCALES, Row


def test_the_interval_is_wilsons():
    # By hand, z = 1.959964: z^2 / (n + z^2), and its mirror image.
    assert Row("a", "b", "noise", 0, 1000, 0).percents == pytest.approx((0, 0, 0.38268), abs=1e-4)
    assert Row("a", "b", "noise", 0, 1000, 1000).percents == pytest.approx(
        (100, 99.61732, 100), abs=1e-4)
    # Newcombe 1998, table I: 81 of 263.
    assert Row("a", "b", "noise", 0, 263, 81).percents == pytest.approx(
        (30.798, 25.53, 36.62), abs=0.01)


def test_every_disturbance_starts_from_intact_images():
    for scale in SCALES.values():
        assert scale.intact in scale.strengths and list(scale.strengths) == sorted(scale.strengths)
