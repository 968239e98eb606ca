import os
import re

import numpy as np
import pytest
from PIL import Image

import input_data
from conftest import CLASS_FOLDERS, write_class_folders
from input_data.dataset import DataError
from input_data.images import decoding
from input_data.pipeline import evaluation_batches, plain_data_errors


@pytest.fixture
def data_dir(tmp_path):
    """A folder with 4 images to train on and 2 test images of each of 3 classes."""
    write_class_folders(tmp_path / "train")
    write_class_folders(tmp_path / "test", per_class=2)
    return tmp_path


def load(folder, split="train", **options):
    return input_data.load("images", str(folder), split, **options)


def all_of(split):
    return split.read(np.arange(split.info.num_examples))


def identities(split):
    """The (class, number) of a split's examples, in its order; checks the labels."""
    stored = all_of(split)
    assert stored["targets"][:, 0].tolist() == stored["images"][:, 0, 0, 0].tolist()
    return [tuple(pair) for pair in stored["images"][:, 0, :2, 0].tolist()]


@pytest.mark.parametrize("size", [(8, 10, 3), (9, 7, 1), (8, 8, 4)])
def test_folders_are_classes_of_any_size_and_depth(tmp_path, size):
    write_class_folders(tmp_path / "train", size=size)
    write_class_folders(tmp_path / "test", 2, size)
    for split, count in (("train", 12), ("test", 6)):
        found = load(tmp_path, split)
        info = found.info
        assert (info.height, info.width, info.depth) == size
        assert (info.num_classes, info.class_names, info.num_examples) == (3, CLASS_FOLDERS, count)
        assert sorted(identities(found)) == [(label, number) for label in range(3)
                                             for number in range(count // 3)]


def test_a_batch_has_pixels_from_0_to_1(data_dir):
    split = load(data_dir, "test")
    batch = next(iter(evaluation_batches(split, 6)))
    stored = all_of(split)
    np.testing.assert_allclose(batch["images"], stored["images"] / np.float32(255), rtol=1e-6)
    np.testing.assert_array_equal(batch["target_images"][:, 0], batch["images"])
    np.testing.assert_array_equal(batch["targets"], stored["targets"])
    assert batch["targets"].dtype == np.int32


def test_the_order_is_mixed_and_the_same_each_time(tmp_path):
    write_class_folders(tmp_path / "train", 40)
    first, again = (identities(load(tmp_path)) for _ in range(2))
    assert first == again != sorted(first)
    assert {label for label, _ in first[:20]} == {0, 1, 2}


def test_what_is_cached_is_what_is_read(data_dir, monkeypatch):
    cached = load(data_dir)
    numbers = np.array([3, 0, 3, 11])
    once, twice = cached.read(numbers), cached.read(numbers)
    monkeypatch.setattr(decoding, "CACHE_BYTES", 0)
    uncached = load(data_dir).read(numbers)
    for found in (once, twice):
        np.testing.assert_array_equal(found["images"], uncached["images"])


def test_a_cached_image_is_decoded_once(data_dir):
    split = load(data_dir)
    all_of(split)
    for path in data_dir.glob("train/*/*"):
        path.unlink()
    assert len(identities(split)) == 12


@pytest.mark.parametrize("fraction, test, validation", [(0.25, 2, 2), (0.5, 4, 2)])
def test_one_level_of_folders_is_parted(tmp_path, fraction, test, validation):
    write_class_folders(tmp_path, 8)
    parts = {split: identities(load(tmp_path, split, validation_fraction=fraction))
             for split in ("train", "test", "valid_train", "valid_test")}
    counts = {split: len(part) // 3 for split, part in parts.items()}
    assert counts == {"train": 8 - test, "test": test, "valid_train": 8 - test - validation,
                      "valid_test": validation}
    assert sorted(parts["train"] + parts["test"]) == [(c, n) for c in range(3) for n in range(8)]
    assert sorted(parts["valid_train"] + parts["valid_test"]) == sorted(parts["train"])
    assert {label for label, _ in parts["test"]} == {0, 1, 2}
    other = load(tmp_path, "test", validation_fraction=fraction, validation_seed=7)
    assert set(identities(other)) != set(parts["test"])


def test_validation_parts_the_training_images(data_dir):
    rest, held_out = (identities(load(data_dir, f"valid_{part}", validation_fraction=0.25))
                      for part in ("train", "test"))
    assert (len(rest), len(held_out)) == (9, 3)
    assert sorted(rest + held_out) == sorted(identities(load(data_dir)))


def test_sizes_may_be_made_equal(data_dir):
    Image.fromarray(np.full((40, 30), 9, np.uint8)).save(data_dir / "train" / "bee" / "zz.jpg")
    with pytest.raises(DataError, match=r"bee/zz.jpg: expected an image of 8x10x3 like .*ant/000"
                                        r"\.png, found 40x30x1; --image_size=8x10x3 scales"):
        load(data_dir)
    assert load(data_dir, image_size=(5, 6, 1)).info.num_examples == 13
    assert all_of(load(data_dir, image_size=(5, 6, 3)))["images"].shape == (13, 5, 6, 3)
    with pytest.raises(DataError, match=r"an image of 5x6x3 like .*--image_size=5x6x3"):
        load(data_dir, image_size=(5, 6))


def test_channels_are_the_first_images_where_only_the_size_is_given(data_dir):
    assert all_of(load(data_dir, image_size=(5, 6)))["images"].shape == (12, 5, 6, 3)


def test_the_size_of_test_images_is_that_of_training(data_dir):
    write_class_folders(data_dir / "test", 1, (9, 9, 3))
    with pytest.raises(DataError, match=r"test/.*an image of 8x10x3 like .*train/ant"):
        load(data_dir, "test")


def test_images_may_lie_deeper_and_other_files_are_counted(data_dir):
    (data_dir / "train" / "cat" / "images").mkdir()
    (data_dir / "train" / "cat" / "000.png").rename(data_dir / "train" / "cat" / "images" / "x.PNG")
    for name in ("train/readme.txt", "train/ant/.hidden.png", "train/bee/boxes.csv"):
        (data_dir / name).write_text("")
    (data_dir / "train" / ".cache").mkdir()
    found = load(data_dir)
    assert len(identities(found)) == 12
    assert found.notes[1:] == ("Ignored files that are not images: 3, such as "
                               f"{data_dir}/train/readme.txt.",)


def broken(folder):
    path = folder / "train" / "bee" / "001.png"
    path.write_bytes(path.read_bytes()[:-150])
    return path


def test_a_broken_image_is_named_when_it_is_read(data_dir):
    path = broken(data_dir)
    with pytest.raises(DataError, match=f"{re.escape(str(path))}: a damaged .*--skip_broken"):
        all_of(load(data_dir))


def test_broken_images_may_be_skipped(data_dir):
    path = broken(data_dir)
    (data_dir / "train" / "ant" / "000.png").write_text("the first, which decides the size")
    with pytest.raises(DataError, match=r"ant/000\.png: not an image .*--skip_broken leaves"):
        load(data_dir)
    found = load(data_dir, skip_broken=True)
    assert (1, 1) not in identities(found) and len(identities(found)) == 10
    assert len(found.notes) == 2 and "cannot be read: 2, such as" in found.notes[1]
    assert str(path) in found.notes[1] or "ant/000.png" in found.notes[1]
    assert len(load(data_dir, "test", skip_broken=True).notes) == 1


def test_skipping_does_not_move_the_held_out_images(tmp_path):
    write_class_folders(tmp_path, 8)
    before = {split: set(identities(load(tmp_path, split))) for split in ("train", "test")}
    (tmp_path / "bee" / "003.png").write_text("broken")
    for split, whole in before.items():
        assert set(identities(load(tmp_path, split, skip_broken=True))) == whole - {(1, 3)}


def test_classes_without_test_images_are_said(data_dir):
    for path in (data_dir / "test" / "bee").iterdir():
        path.unlink()
    (data_dir / "test" / "bee").rmdir()
    assert load(data_dir, "test").notes[1:] == ("No images of bee in the test split.",)


def test_the_classes_are_said(data_dir, tmp_path_factory):
    for split in ("train", "test", "valid_test"):
        assert load(data_dir, split).notes == ("Classes: ant, bee, cat.",)
    many = tmp_path_factory.mktemp("many")
    write_class_folders(many, 2, classes=[f"{number:03}" for number in range(200)])
    note, = load(many, validation_fraction=0.5).notes
    assert note.startswith("Classes: 000, 001, ") and note.endswith(", 019 and 180 more.")


def test_the_folders_of_splits_may_be_in_capitals(data_dir):
    before = {split: identities(load(data_dir, split)) for split in ("train", "test")}
    for old, new in (("train", "Train"), ("test", "TEST")):
        (data_dir / old).rename(data_dir / new)
    for split, expected in before.items():
        found = load(data_dir, split)
        assert identities(found) == expected and found.info.class_names == CLASS_FOLDERS


@pytest.mark.parametrize("train, test", [("trn", "Test"), ("Training", "Valid"), ("a", "val")])
def test_splits_are_not_taken_for_classes(data_dir, train, test):
    (data_dir / "train").rename(data_dir / train)
    (data_dir / "test").rename(data_dir / test)
    with pytest.raises(DataError, match=r"expected one folder for each class, found .*called like "
                                        r"splits.*--data_dir=(\S*)\.$") as caught:
        load(data_dir)
    named = re.search(r"--data_dir=(\S*)\.$", str(caught.value))[1]
    assert named == str(data_dir / train if train != "a" else data_dir / test)
    assert load(named, validation_fraction=0.5).info.class_names == CLASS_FOLDERS


def empty(folder):
    for path in (folder / "train" / "bee").iterdir():
        path.unlink()


def all_broken(folder):
    for path in folder.glob("train/bee/*"):
        path.write_text("broken")


def nothing_readable(folder):
    for path in folder.glob("train/*/*"):
        path.write_text("broken")


def remove(folder):
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


@pytest.mark.parametrize("change, split, options, message", [
    (empty, "train", {}, r"class bee has no images \(\.png, .*add some, or remove its folder"),
    (empty, "test", {}, "class bee has no images"),
    (lambda folder: remove(folder / "test"), "test", {}, "folders of images, one for each class"),
    (lambda folder: write_class_folders(folder / "test", 1, classes=["dog"]), "test", {},
     r"test/dog: expected the folder of a class to train on \(ant, bee, cat\), found dog"),
    (remove, "train", {}, "folders of images, one for each class, found none"),
    (all_broken, "train", {"skip_broken": True}, "Class bee: expected images to train on"),
    (nothing_readable, "train", {"skip_broken": True}, "and all other images cannot be read"),
    (lambda folder: None, "valid_train", {"validation_fraction": 0.9},
     "Of 12 examples, 12 would be held out"),
])
def test_what_is_wrong_with_folders_is_said(data_dir, change, split, options, message):
    change(data_dir)
    with pytest.raises(DataError, match=message) as caught:
        load(data_dir, split, **options)
    assert "\n" not in str(caught.value)


def test_links_that_lead_back_are_passed_over(data_dir):
    before = identities(load(data_dir))
    ant = data_dir / "train" / "ant"
    for name, target in (("up", ".."), ("here", "."), ("itself", "itself"), ("nowhere", "none")):
        (ant / name).symlink_to(target)
    found = load(data_dir)
    assert identities(found) == before
    assert "Ignored files that are not images: 2, such as" in found.notes[1]    # itself, nowhere
    (data_dir / "train" / "loop").symlink_to("..")
    with pytest.raises(DataError, match="train/loop: class loop has no images"):
        load(data_dir)


def link_to_itself(path):
    path.symlink_to(path.name)


@pytest.mark.parametrize("make, message", [
    (os.mkfifo, "expected a file, found a pipe or device"),
    (link_to_itself, "cannot be read (Too many levels of symbolic links)"),
    (lambda path: path.symlink_to("/dev/zero"), "expected a file, found a pipe or device"),
])
def test_what_is_no_file_is_a_broken_image(data_dir, make, message):
    path = data_dir / "train" / "bee" / "p.png"
    make(path)
    with pytest.raises(DataError, match=f"^{re.escape(f'{path}: {message}')}"):
        load(data_dir)
    assert len(identities(load(data_dir, skip_broken=True))) == 12


def test_a_folder_that_may_not_be_read_is_named(data_dir, monkeypatch):
    listdir = os.listdir

    def refused(folder):
        if folder.endswith("/bee"):
            raise PermissionError(13, "Permission denied", folder)
        return listdir(folder)

    monkeypatch.setattr(os, "listdir", refused)
    with pytest.raises(DataError, match=r"train/bee: cannot be read \(Permission denied\)\.$"):
        load(data_dir)


def test_names_that_are_not_utf_8_can_be_shown(data_dir):
    folder = os.fsencode(data_dir / "train")
    os.rename(folder + b"/bee", folder + b"/b\xe9e")
    for name in (b"caf\xe9.txt", b"ant/\xff.txt"):
        open(os.path.join(folder, name), "w").close()
    found = load(data_dir)
    assert found.info.class_names == ("ant", r"b\xe9e", "cat")
    assert found.notes[1].endswith(rf"2, such as {data_dir}/train/caf\xe9.txt.")
    for text in (found.source, *found.notes, *found.info.class_names):
        text.encode()
    with open(folder + b"/b\xe9e/001.png", "r+b") as file:
        file.truncate(200)
    with pytest.raises(DataError, match=r"/b\\xe9e/001\.png: a damaged image"), \
            plain_data_errors():
        list(evaluation_batches(load(data_dir), 12))


def test_one_class_is_too_few(tmp_path):
    write_class_folders(tmp_path / "train", classes=["ant"])
    with pytest.raises(DataError, match="expected folders of 2 or more classes, found 1: ant"):
        load(tmp_path)


def test_without_test_images_validation_is_proposed(tmp_path):
    write_class_folders(tmp_path / "train")
    with pytest.raises(DataError, match=r"expected a folder of test images.*--validate=true"):
        load(tmp_path, "test")


def test_data_dir_and_one_target_are_needed(data_dir):
    with pytest.raises(DataError, match="--data_dir, a folder with train/CLASS"):
        input_data.load("images", None, "train")
    with pytest.raises(DataError, match="1 target an image, found --num_targets=2"):
        input_data.load("images", str(data_dir), "train", num_targets=2)
