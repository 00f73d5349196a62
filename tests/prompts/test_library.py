from __future__ import annotations

import os
from pathlib import Path

import pytest

from querygen_core.contracts.errors import ConfigError
from querygen_core.prompts import PromptLibrary, default_directories
from querygen_core.prompts.library import packaged


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    for folder, name, text in [("own", "market", "own"), ("base", "market", "base"), ("base", "product", "base")]:
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / f"{name}.j2").write_text(text)
    return [tmp_path / "own", tmp_path / "base"]


def test_the_first_folder_that_has_a_name_wins(folders: list[Path]) -> None:
    library = PromptLibrary(folders)
    assert library.load("market").path == folders[0] / "market.j2"
    assert library.load("product").path == folders[1] / "product.j2"
    assert library.load("market.j2").hash == library.load("market").hash
    assert library.load("market") is library.load("market")
    assert library.names() == ["market", "product"]


def test_a_prompt_may_use_files_of_later_folders(folders: list[Path]) -> None:
    (folders[0] / "mine.j2").write_text("{% include 'product.j2' %}")
    assert [*PromptLibrary(folders).load("mine").sources] == ["mine.j2", "product.j2"]


def test_a_path_is_a_path(folders: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folders[0].parent)
    library = PromptLibrary([folders[0]])
    assert library.load("base/product.j2").name == "product"
    assert library.load(str(folders[1] / "product.j2")).name == "product"
    Path("loose.txt").write_text("Ask")
    assert library.load("loose.txt").name == "loose"
    assert PromptLibrary([], beside=folders[0].parent).load("base/product.j2").name == "product"


def test_a_path_is_looked_for_beside_the_config(
    folders: list[Path], tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert PromptLibrary([], beside=folders[0]).load("./market.j2").name == "market"


def test_a_missing_prompt_says_where_it_was_looked_for(folders: list[Path]) -> None:
    library = PromptLibrary(folders)
    with pytest.raises(ConfigError) as caught:
        library.load("markt")
    assert str(caught.value) == f"there is no prompt 'markt' in {folders[0]}, {folders[1]}; did you mean 'market'?"
    with pytest.raises(ConfigError, match=r"there is no prompt file nowhere/market\.j2"):
        library.load("nowhere/market.j2")


def test_a_name_that_links_out_of_its_folder_is_refused(folders: list[Path]) -> None:
    (folders[0] / "link.j2").symlink_to(folders[1] / "product.j2")
    with pytest.raises(ConfigError, match="leads outside"):
        PromptLibrary([folders[0]]).load("link")


@pytest.mark.parametrize("name", ["..", "", "\0", "."])
def test_odd_names_are_missing_prompts(folders: list[Path], name: str) -> None:
    with pytest.raises(ConfigError):
        PromptLibrary(folders).load(name)


def test_a_folder_or_a_pipe_is_no_prompt(folders: list[Path]) -> None:
    (folders[0] / "folder.j2").mkdir()
    os.mkfifo(folders[0] / "pipe.j2")
    for name in ("folder", "pipe"):
        with pytest.raises(ConfigError, match="there is no prompt"):
            PromptLibrary(folders).load(name)


def test_where_prompts_are_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "configs").mkdir()
    monkeypatch.chdir(tmp_path)
    found = default_directories(None, tmp_path / "configs")
    assert found == [Path("prompts"), tmp_path / "configs" / "prompts", packaged()]
    assert default_directories("mine", tmp_path / "configs") == [tmp_path / "configs" / "mine"]
    (tmp_path / "mine").mkdir()
    assert default_directories("mine", tmp_path / "configs") == [Path("mine")]


def test_the_packaged_prompts_are_there() -> None:
    assert packaged().is_dir()
