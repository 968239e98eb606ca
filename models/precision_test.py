import pytest

from models import precision

LINE = "flags\t\t: fpu vme avx2 {}\n"


@pytest.fixture
def processor(tmp_path, monkeypatch):
    path = tmp_path / "cpuinfo"
    monkeypatch.setattr(precision, "PROCESSOR", path)
    return path


@pytest.mark.parametrize("flag, chosen", [
    ("avx512_bf16", "bfloat16"), ("amx_bf16", "bfloat16"), ("avx512f", "float32")])
def test_auto_is_bfloat16_where_the_processor_multiplies_it(processor, flag, chosen):
    processor.write_text(LINE.format(flag))
    assert precision.choose_precision("auto") == chosen
    assert precision.choose_precision("float32") == "float32"
    assert precision.choose_precision("bfloat16") == "bfloat16"


def test_a_system_that_does_not_say_gets_float32(processor):
    assert precision.choose_precision("auto") == "float32"
