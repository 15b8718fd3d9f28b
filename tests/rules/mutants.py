"""Single changes of the scorer that the comparison of the two implementations must notice.

A mutant is one replacement in one source file, applied to a copy of the package that is loaded under another name and
without compilation, or one number of a rule set. Each changes what is scored on some night.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from plms_pipeline import scoring

SOURCE = Path(scoring.__file__).parent
PACKAGE = "plms_pipeline.scoring"
COPY = "scoring_with_one_change"


class Mutant(NamedTuple):
    """``old`` stands exactly once in ``file`` and becomes ``new``."""

    name: str
    file: str
    old: str
    new: str


class NumberMutant(NamedTuple):
    """One number or option of one rule set, in the file's own unit."""

    name: str
    rule_set: str
    key: str
    value: Any


_K, _C, _E = "movement_kernels.py", "candidates.py", "engine.py"
_M, _T, _V, _D, _N, _R = "time_kernels.py", "timeline.py", "evidence.py", "descriptors.py", "night_row.py", "row.py"

MUTANTS: tuple[Mutant, ...] = (
    # Marks of one leg and the two legs.
    Mutant("same leg joined at 0.5 s", _K, "onset[i] - out_off[j] < below_us", "onset[i] - out_off[j] <= below_us"),
    Mutant("a nested mark shortens", _K, "out_off[j] = max(out_off[j], offset[i])", "out_off[j] = offset[i]"),
    Mutant(
        "truncated mark forgotten", _K, "out_trunc[j] = out_trunc[j] or truncated[i]", "out_trunc[j] = truncated[i]"
    ),
    Mutant("legs joined at 0.5 s", _K, "onset[i] - end < below_us", "onset[i] - end <= below_us"),
    Mutant("nested leg shortens the reach", _K, "end = max(end, offset[i])", "end = offset[i]"),
    Mutant("legs paired at 5 s", _K, "onset[j] - onset[i] >= below_us", "onset[j] - onset[i] > below_us"),
    Mutant("two of one leg paired", _K, "if group[j] < 0 and leg[j] != leg[i]:", "if group[j] < 0:"),
    Mutant("a leg taken twice", _K, "if group[j] < 0 and leg[j] != leg[i]:", "if leg[j] != leg[i]:"),
    Mutant(
        "more than one movement of the other leg taken",
        _K,
        "group[j] = current\n                break",
        "group[j] = current",
    ),
    Mutant("offset of the last, not the latest", _K, "off[g] = max(off[g], offset[i])", "off[g] = offset[i]"),
    Mutant(
        "longest part is the last one",
        _K,
        "longest[g] = max(longest[g], offset[i] - onset[i])",
        "longest[g] = offset[i] - onset[i]",
    ),
    Mutant("number of parts not counted on", _K, "count[g] += 1", "count[g] = 1"),
    # Series.
    Mutant(
        "a non-candidate does not break",
        _K,
        "previous = -1\n            current = -1\n            continue",
        "continue",
    ),
    Mutant("a gap does not break", _K, "previous >= 0 and segment[previous] == segment[i]", "previous >= 0"),
    Mutant("an interval of 90 s is outside", _K, "or gap > imi_high or", "or gap >= imi_high or"),
    Mutant("an interval of 10 s is outside", _K, "if gap < imi_low or gap", "if gap <= imi_low or gap"),
    Mutant("a short interval does not break", _K, "if gap < imi_low or gap > imi_high", "if gap > imi_high"),
    Mutant("a long interval does not break", _K, "or gap > imi_high or", "or"),
    Mutant("ignored at exactly 5 s", _K, "if gap < imi_low and ignore_later", "if gap <= imi_low and ignore_later"),
    Mutant(
        "the interval does not run on over an ignored one",
        _K,
        "reason[i] = IGNORED_SHORT_IMI\n",
        "reason[i] = IGNORED_SHORT_IMI\n                previous = i\n",
    ),
    Mutant("five make a series", _K, "length[r] >= min_clm", "length[r] > min_clm"),
    Mutant(
        "a short series keeps its number",
        _K,
        "            k += 1\n            number",
        "            k = r + 1\n            number",
    ),
    # Respiratory events and arousals.
    Mutant("begin of the respiratory window is open", _K, "span_low[j] > offset[i]", "span_low[j] >= offset[i]"),
    Mutant("end of the respiratory window is open", _K, "span_high[j] >= onset[i]", "span_high[j] > onset[i]"),
    Mutant(
        "first arousal counted within exactly 10 s",
        _K,
        "onset[i] - last < pair_us",
        "onset[i] - last <= pair_us",
    ),
    Mutant("arousal distance from every movement", _K, "if not close:\n            last", "if True:\n            last"),
    Mutant(
        "respiratory window around the wrong end",
        _C,
        'events.offset_us if rules.respiratory_rule == "event_end"',
        'events.onset_us if rules.respiratory_rule == "event_end"',
    ),
    Mutant(
        "whole event read as its end",
        _C,
        'if rules.respiratory_rule == "event_end" else events.onset_us',
        'if rules.respiratory_rule == "event_end" else events.offset_us',
    ),
    Mutant("respiratory window ends at the start", _C, "high = events.offset_us[kept]", "high = events.onset_us[kept]"),
    Mutant("respiratory events not sorted", _C, "low[order], high[order])", "low, high)"),
    Mutant("arousal at exactly 0.5 s", _C, "0 if rules.arousal_at_limit else 1", "0"),
    Mutant(
        "arousals from their end only",
        _C,
        "night.arousals.onset_us - reach",
        "night.arousals.offset_us - reach",
    ),
    Mutant(
        "arousals from their begin only",
        _C,
        "night.arousals.offset_us + reach",
        "night.arousals.onset_us + reach",
    ),
    # Candidates.
    Mutant("morphology not asked for", _C, "if rules.requires_morphology:", "if False:"),
    Mutant("morphology asked for by every rule set", _C, "if rules.requires_morphology:", "if True:"),
    Mutant("0.5 s is too short", _C, "duration >= rules.lm_min_us", "duration > rules.lm_min_us"),
    Mutant("10 s is no LM", _C, "(duration > _above(limit, rules))", "(duration >= _above(limit, rules))"),
    Mutant(
        "10 s is too long",
        _C,
        "single = duration > _above(rules.clm_monolateral_max_us, rules)",
        "single = duration >= _above(rules.clm_monolateral_max_us, rules)",
    ),
    Mutant(
        "15 s is too long",
        _C,
        "duration > _above(rules.clm_bilateral_max_us, rules)",
        "duration >= _above(rules.clm_bilateral_max_us, rules)",
    ),
    Mutant("a bilateral movement has no limit", _C, "] = BILATERAL_TOO_LONG\n", "] = CANDIDATE\n"),
    Mutant("four parts are too many", _C, "(count > most)", "(count >= most)"),
    Mutant("any number of parts", _C, "(count > most)", "(count < 0)"),
    Mutant("a too long part is overlooked", _C, "] = CONTAINS_TOO_LONG\n", "] = CANDIDATE\n"),
    Mutant(
        "part of 10 s spoils a bilateral movement",
        _C,
        "(longest > _above(rules.clm_monolateral_max_us, rules))",
        "(longest >= _above(rules.clm_monolateral_max_us, rules))",
    ),
    Mutant(
        "one channel has the limit of a leg",
        _C,
        "rules.clm_combined_channel_max_us if is_combined_channel",
        "rules.lm_max_us if is_combined_channel",
    ),
    Mutant("lights on belongs to the window", _C, "onset < at.high_us", "onset <= at.high_us"),
    Mutant("lights off is outside the window", _C, "onset >= at.low_us", "onset > at.low_us"),
    Mutant("the window is forgotten", _C, "reason[~in_window] = OUTSIDE_WINDOW", "pass"),
    Mutant("movements in gaps are candidates", _C, "reason[in_gap] = IN_ONE_LEG_STRETCH", "pass"),
    Mutant("an offset on an edge is not open", _C, "] <= offset\n", "] < offset\n"),
    Mutant(
        "an onset on an edge is not open",
        _C,
        'edges.searchsorted(onset, side="left")',
        'edges.searchsorted(onset, side="right")',
    ),
    Mutant("touching sleep is in sleep", _C, "covered(offset) > covered(onset)", "covered(offset) >= covered(onset)"),
    Mutant("AASM sleep at the onset", _C, 'rules.sleep_requirement == "any_part"', 'rules.sleep_requirement == "no"'),
    Mutant("movements in wake are scored", _C, "reason[would_be & ~in_sleep] = NOT_IN_SLEEP", "pass"),
    Mutant(
        "a too long bilateral movement does not interrupt",
        _C,
        "(reason <= BILATERAL_TOO_LONG)",
        "(reason < BILATERAL_TOO_LONG)",
    ),
    Mutant("a too long movement does not interrupt", _C, "(reason >= WITHOUT_DURATION) &", "(reason > TOO_LONG) &"),
    Mutant("a dropped movement interrupts", _C, "interrupts = is_countable & ", "interrupts = in_window & "),
    Mutant(
        "movements of a lost leg stay",
        _C,
        'if night.legs == "both" and at.legs_used in',
        "if False and at.legs_used in",
    ),
    # Passes.
    Mutant(
        "a non-candidate is taken out of the second pass",
        _E,
        "is_respiratory & (found.role == kernels.CANDIDATE)",
        "is_respiratory & (found.role != kernels.IGNORED)",
    ),
    Mutant(
        "respiratory-related movements stay",
        _E,
        "without_respiratory if rules.respiratory_removed_first else _series",
        "_series",
    ),
    Mutant(
        "the second pass is the first",
        _E,
        "without_respiratory = _series(found, role_nr, rules)",
        "without_respiratory = _series(found, found.role, rules)",
    ),
    Mutant("a mark without duration is nothing", _E, 'unknown = "no_duration"', "unknown = None"),
    # Time.
    Mutant(
        "the end of a gap belongs to it",
        _M,
        "out[i] = k >= 0 and at[i] < offset[k]",
        "out[i] = k >= 0 and at[i] <= offset[k]",
    ),
    Mutant(
        "the end of an epoch belongs to it", _M, "if k >= 0 and at[i] < offset[k]:", "if k >= 0 and at[i] <= offset[k]:"
    ),
    Mutant("covered time runs on after an interval", _M, "min(at[i], offset[k])", "at[i]"),
    Mutant("nested gaps end early", _M, "off[k - 1] = max(off[k - 1], offset[i])", "off[k - 1] = offset[i]"),
    Mutant("touching gaps are two", _M, "onset[i] <= off[k - 1]", "onset[i] < off[k - 1]"),
    Mutant("the rest of an epoch after a gap is lost", _M, "if at < offset[i]:", "if at == onset[i]:"),
    Mutant("a leg lost for half of the sleep", _T, "value > limit for value", "value >= limit for value"),
    Mutant(
        "the wrong leg is lost",
        _T,
        'legs_used = "right" if bad[LEFT] else "left"',
        'legs_used = "left" if bad[LEFT] else "right"',
    ),
    Mutant("gaps of both legs overlooked", _T, "concerned = gaps.leg == BOTH_LEGS", "concerned = gaps.leg > 9"),
    Mutant("gaps of one leg overlooked", _T, "concerned |= gaps.leg == leg", "concerned |= gaps.leg > 9"),
    Mutant("unscored epochs are sleep", _T, "kept = (off > on) & (stages.stage != UNSCORED)", "kept = off > on"),
    Mutant("lights off is read as the start", _T, "low = 0 if off is None else", "low = 0 if True else"),
    Mutant("sleep in gaps is scorable", _T, "without(scored.sleep, gaps)", "without(scored.sleep, nothing)"),
    Mutant("wake in gaps is scorable", _T, "without(scored.wake, gaps)", "without(scored.wake, nothing)"),
    # Evidence.
    Mutant("an edge on the window border", _V, "at.gaps.onset_us > at.low_us", "at.gaps.onset_us >= at.low_us"),
    Mutant("lo without unstaged time", _V, "/ (sleep + time.unstaged_us)", "/ sleep"),
    Mutant("lo with one movement an edge less", _V, "n - settings.lo_movements_per_edge", "n - 3"),
    Mutant("hi may fall below the point", _V, "Bounds(lo, max(hi, point))", "Bounds(lo, hi)"),
    Mutant("one leg: the point may exceed r", _V, "Bounds(0.0, max(most, point))", "Bounds(0.0, most)"),
    Mutant("hi has no limit", _V, "hi = min(most, (counted", "hi = max(0, (counted"),
    Mutant("hi without unstaged movements", _V, "counted = n + n_unstaged +", "counted = n +"),
    Mutant(
        "hidden unstaged time forgotten", _V, "time.unscorable_us + time.unstaged_unscorable_us", "time.unscorable_us"
    ),
    Mutant("full whatever the sleep", _V, "time.scorable_us >= settings.full_min_scorable_sleep_us", "True"),
    Mutant("full whatever the gaps", _V, "time.scorable_us >= settings.full_min_scorable_fraction * sleep", "True"),
    Mutant(
        "full whatever the staging",
        _V,
        "at.high_us - at.low_us - time.unstaged_us >= settings.full_min_staged_fraction",
        "1 >= 0",
    ),
    Mutant("one leg is partial", _V, "if at.is_one_leg:", "if False:"),
    # Numbers of the night.
    Mutant(
        "unstaged candidates never bound a sleep-only index",
        _N,
        'm = count(candidate) if c.rules.sleep_requirement != "none"',
        "m = 0 if c.rules.sleep_requirement is not None",
    ),
    Mutant(
        "bounds of one leg",
        _N,
        'c.at.legs_used in ("none", "combined") or c.at.is_one_leg',
        'c.at.legs_used in ("none", "combined")',
    ),
    Mutant("unstaged is wake", _R, "found.stage == WAKE", "found.stage >= UNSCORED"),
    Mutant(
        "runs of four intervals",
        _K,
        "if run >= least:\n        total += run\n    return",
        "if run > least:\n        total += run\n    return",
    ),
    Mutant(
        "a run is not ended by an interval outside",
        _K,
        "            total += run\n        run = 0\n",
        "            total += run\n",
    ),
    Mutant("runs with intervals of every length", _D, "& (imi <= s.periodicity_imi_max_us)", ""),
    Mutant("periodicity excludes 90 s", _D, "(imi <= s.periodicity_imi_max_us)", "(imi < s.periodicity_imi_max_us)"),
    Mutant("periodicity excludes 10 s", _D, "(imi >= s.periodicity_imi_min_us)", "(imi > s.periodicity_imi_min_us)"),
    Mutant(
        "an ignored movement ends a run",
        _D,
        "_periodicity_index(imi[not_passed_over], in_population[not_passed_over], s)",
        "_periodicity_index(imi, in_population, s)",
    ),
    Mutant("intervals in wake are counted", _D, "in_population = known & in_sleep", "in_population = known"),
)

NUMBER_MUTANTS: tuple[NumberMutant, ...] = (
    NumberMutant("same leg 0.6 for 0.5 s", "wasm2016", "same_leg_join_gap_s", 0.6),
    NumberMutant("LM 0.6 for 0.5 s", "coleman", "lm_min_s", 0.6),
    NumberMutant("legs 0.6 for 0.5 s", "wasm2006", "combine_limit_s", 0.6),
    NumberMutant("legs 5.000001 for 5 s", "aasm3", "combine_limit_s", 5.000001),
    NumberMutant("CLM 9.999999 for 10 s", "wasm2016", "clm_monolateral_max_s", 9.999999),
    NumberMutant("bilateral 15.000001 for 15 s", "wasm2016", "clm_bilateral_max_s", 15.000001),
    NumberMutant("LM 5.000001 for 5 s", "coleman", "lm_max_s", 5.000001),
    NumberMutant("IMI 9.999999 for 10 s", "wasm2016", "imi_min_s", 9.999999),
    NumberMutant("IMI 90.000001 for 90 s", "aasm3", "imi_max_s", 90.000001),
    NumberMutant("IMI 4 for 5 s", "coleman", "imi_min_s", 4.0),
    NumberMutant("series of three", "wasm2006", "series_min_clm", 3),
    NumberMutant("respiratory -1.999999 for -2.0 s", "wasm2016", "respiratory_before_s", 1.999999),
    NumberMutant("respiratory +10.250001 for +10.25 s", "wasm2016", "respiratory_after_s", 10.250001),
    NumberMutant("respiratory 0.499999 for 0.5 s", "aasm3", "respiratory_before_s", 0.499999),
    NumberMutant("arousal 0.500001 for 0.5 s", "wasm2006", "arousal_gap_s", 0.500001),
    NumberMutant("A1: no start after a short interval", "wasm2016", "short_imi_may_start", False),
    NumberMutant("A2: limits of the interval are outside", "aasm3", "imi_limits_are_inside", False),
    NumberMutant("A8: a border belongs to the old epoch", "wasm2016", "epoch_border", "old"),
    NumberMutant("A11: ignore instead of break", "aasm3", "short_imi", "ignore_later"),
    NumberMutant("A12: sleep at the onset", "aasm3", "sleep_requirement", "onset"),
    NumberMutant("A23: too long interrupts", "wasm2006", "too_long", "interrupts"),
)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads a copy of the package from changed sources, its kernels as plain Python."""

    def __init__(self, sources: dict[str, str]) -> None:
        self.sources = sources

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if name != COPY and not name.startswith(f"{COPY}."):
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=name == COPY)

    def exec_module(self, module: ModuleType) -> None:
        stem = "__init__" if module.__name__ == COPY else module.__name__.removeprefix(f"{COPY}.")
        text = self.sources[f"{stem}.py"].replace(PACKAGE, COPY)
        text = text.replace("from plms_pipeline._jit import", "from tests.rules.not_compiled import")
        exec(compile(text, f"<{COPY}/{stem}.py>", "exec"), module.__dict__)


@contextmanager
def changed_copy(mutant: Mutant | None) -> Iterator[ModuleType]:
    """The package with one change, or an unchanged copy; beside the real one, gone afterwards."""
    sources = {path.name: path.read_text(encoding="utf-8") for path in sorted(SOURCE.glob("*.py"))}
    if mutant is not None:
        times = sources[mutant.file].count(mutant.old)
        assert times == 1, f"mutant '{mutant.name}': its text stands {times} times in {mutant.file}; write it anew"
        sources[mutant.file] = sources[mutant.file].replace(mutant.old, mutant.new)
    finder = _Finder(sources)
    sys.meta_path.insert(0, finder)
    try:
        yield importlib.import_module(COPY)
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name == COPY or name.startswith(f"{COPY}.")]:
            del sys.modules[name]


def table(found: Sequence[tuple[str, int]]) -> str:
    """Mutant and number of nights until it was found, as text."""
    width = max(len(name) for name, _ in found)
    return "\n".join(f"{name:<{width}}  {nights}" for name, nights in found)
