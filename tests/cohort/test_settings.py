"""Settings of a run: precedence, unknown keys, what a site file may hold; every declared key is described and used."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from plms_pipeline.cohort import CohortSettings, declared, load_cohort
from plms_pipeline.errors import InputError

CHECKOUT = Path(__file__).resolve().parents[2]
Load = Callable[..., CohortSettings]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads a COHORT.yaml of the given content, and a SITE.yaml when there is one."""

    def make(
        cohort: Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
        *,
        site: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> CohortSettings:
        path = tmp_path / "cohort.yaml"
        path.write_text(yaml.safe_dump({"cohort": "test", "sheet": "sheet.csv", **(cohort or {})}), encoding="utf-8")
        site_path = None
        if site is not None:
            site_path = tmp_path / "site" / "site.yaml"
            site_path.parent.mkdir(exist_ok=True)
            site_path.write_text(yaml.safe_dump(dict(site)), encoding="utf-8")
        return load_cohort(path, overrides, site=site_path, environ=environ or {})

    return make


def test_defaults(load: Load, tmp_path: Path) -> None:
    settings = load()
    assert (settings.cohort, settings.simulated, settings.rules) == ("test", False, ("wasm2016", "aasm3"))
    assert (settings.max_failed_fraction, settings.mapping) == (0.05, None)
    assert settings.store == tmp_path / "store"
    assert settings.origin["shard_size"] == "default"


def test_command_line_over_environment_over_cohort_over_site_over_default(load: Load) -> None:
    layers: dict[str, Any] = {
        "overrides": {"shard_size": 1},
        "environ": {"PLMS_SHARD_SIZE": "2"},
        "cohort": {"shard_size": 3},
        "site": {"shard_size": 4},
    }
    found = []
    for name in ("overrides", "environ", "cohort", "site"):
        found.append(load(**layers).shard_size)
        del layers[name]
    assert [*found, load(**layers).shard_size] == [1, 2, 3, 4, 50]


def test_paths_are_relative_to_the_file_that_names_them(load: Load, tmp_path: Path) -> None:
    assert load(site={"store": "there"}).store == tmp_path / "site" / "there"
    assert load({"store": "../here"}).store == tmp_path.parent / "here"
    assert load({}, {"store": "mine"}).store == Path.cwd() / "mine"


@pytest.mark.parametrize(
    ("key", "nearest"), [("max_failed_fration", "max_failed_fraction"), ("maping", "mapping"), ("Rules", "rules")]
)
def test_unknown_keys_name_the_nearest(load: Load, key: str, nearest: str) -> None:
    with pytest.raises(InputError, match=rf"cohort\.yaml: unknown key {key}; did you mean {nearest}\?"):
        load({key: 1})


def test_unknown_keys_in_a_group_and_on_the_command_line(load: Load) -> None:
    with pytest.raises(InputError, match=r"channels\.lefd; did you mean channels\.left"):
        load({"channels": {"lefd": "LAT"}})
    with pytest.raises(InputError, match="command line: unknown key worker; did you mean"):
        load({}, {"worker": 3})


def test_a_near_miss_in_the_environment_is_refused(load: Load) -> None:
    with pytest.raises(InputError, match="PLMS_SHARD_SIZES; did you mean PLMS_SHARD_SIZE"):
        load(environ={"PLMS_SHARD_SIZES": "3"})
    assert load(environ={"PLMS_CACHE_DIR": "/x", "PLMS_SHARED_DATA": "/y"}).shard_size == 50


@pytest.mark.parametrize("name", sorted(s.name for s in declared().values() if s.kind in ("science", "identity")))
def test_a_site_file_never_holds_science(load: Load, name: str) -> None:
    group, _, inner = name.partition(".")
    content = {group: {inner: "x"}} if inner else {name: "x"}
    with pytest.raises(InputError, match="a site file holds resources and paths only"):
        load(site=content)


@pytest.mark.parametrize("name", ["cluster_class", "address", "insecure", "prefect_api"])
def test_a_cohort_file_names_no_cluster(load: Load, name: str) -> None:
    with pytest.raises(InputError, match=f"{name} does not belong here; move it to the SITE.yaml"):
        load({name: "x"})


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"cohort": "001"}, "cohort is '001'; expected a word"),
        ({"cohort": 1}, "cohort is 1; expected a word"),
        ({"simulated": "maybe"}, "simulated is 'maybe'; expected true or false"),
        ({"max_failed_fraction": 5}, "expected at most 1"),
        ({"max_failed_fraction": True}, "expected a number"),
        ({"shard_size": 0}, "expected at least 1"),
        ({"shard_size": 2.5}, "expected a whole number"),
        ({"sensor": "emgg"}, "expected one of emg, assumed_emg, piezo, unknown"),
        ({"rules": {"a": 1}}, "expected a list of texts"),
        ({"detector": ["rest_window_s"]}, "expected keys with values"),
        ({"sheet": ["a"]}, "expected a path"),
        ({"declared": {"stages": "yes"}}, "expected one of scored"),
    ],
)
def test_wrong_values_are_said_in_one_line(load: Load, given: dict[str, Any], what: str) -> None:
    with pytest.raises(InputError) as error:
        load(given)
    assert what in str(error.value)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith("cohort.yaml: ")


def test_missing_required_keys_and_files(tmp_path: Path) -> None:
    (tmp_path / "cohort.yaml").write_text("cohort: test\n", encoding="utf-8")
    with pytest.raises(InputError, match="no sheet; add it"):
        load_cohort(tmp_path / "cohort.yaml", environ={})
    with pytest.raises(InputError, match="no such file"):
        load_cohort(tmp_path / "other.yaml", environ={})
    (tmp_path / "cohort.yaml").write_text("- a\n- b\n", encoding="utf-8")
    with pytest.raises(InputError, match="holds no keys"):
        load_cohort(tmp_path / "cohort.yaml", environ={})


def test_yaml_cannot_run_code(tmp_path: Path) -> None:
    (tmp_path / "cohort.yaml").write_text("cohort: !!python/object/apply:os.getcwd []\n", encoding="utf-8")
    with pytest.raises(InputError):
        load_cohort(tmp_path / "cohort.yaml", environ={})


def test_a_group_may_be_left_empty(load: Load) -> None:
    assert load({"channels": None}).group("channels")["left"] == ()
    assert load({"channels": {"left": "LAT", "right": ["RAT", "R Leg"]}}).group("channels") == {
        "left": ("LAT",),
        "right": ("RAT", "R Leg"),
        "combined": (),
        "ecg": (),
        "unit": None,
    }


def test_every_setting_is_described_and_used() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (CHECKOUT / "plms_pipeline").rglob("*.py"))
    source += "".join(path.read_text(encoding="utf-8") for path in (CHECKOUT / "flows").rglob("*.py"))
    for setting in declared().values():
        assert len(setting.description) > 20, setting.name
        group, _, inner = setting.name.partition(".")
        used = f'group("{group}")' if inner else f"settings.{setting.name}"
        assert used in source or f'_merged("{setting.name}"' in source, setting.name


@pytest.mark.parametrize("path", sorted((CHECKOUT / "infra" / "site").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_site_files_of_the_project_are_valid(path: Path, tmp_path: Path) -> None:
    (tmp_path / "cohort.yaml").write_text("cohort: test\nsheet: sheet.csv\n", encoding="utf-8")
    assert load_cohort(tmp_path / "cohort.yaml", site=path, environ={}).origin["time_limit_s"]
