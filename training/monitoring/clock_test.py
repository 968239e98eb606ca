from training.monitoring import clock


def test_images_are_counted_from_lap_to_lap_and_seconds_over_all_starts(monkeypatch):
    now = 1000.0
    monkeypatch.setattr(clock.time, "monotonic", lambda: now)
    training = clock.Clock(step=20, seconds=7.5, batch_size=16)
    now += 4
    assert training.lap(21) == {"seconds": 11.5, "images_per_second": 4}
    now += 2
    assert training.lap(30) == {"seconds": 13.5, "images_per_second": 72}
