"""Every listed change of the scorer is found by the comparison with the second implementation."""

from __future__ import annotations

from functools import cache
from random import Random

import pytest

from plms_pipeline import scoring
from tests.rules.mutants import MUTANTS, NUMBER_MUTANTS, changed_copy, table
from tests.rules.oracle import plain_scorer
from tests.rules.random_nights import random_night
from tests.rules.two_scorers import RULE_SETS, differences, loaded, night_input

MOST_NIGHTS = 5_000
FEWEST_MUTANTS = 30


@cache
def night(seed):
    """A random night and what the plain scorer says of it, kept for the next mutant."""
    drawn = random_night(Random(seed))
    return drawn, [plain_scorer.score(drawn, name) for name in RULE_SETS]


def is_different(package, rule_sets, seed):
    """Whether a scorer differs from the plain one on one night; a mutant that crashes fails the test."""
    drawn, plain = night(seed)
    scored = package.score(night_input(drawn, package), rule_sets)
    return any(differences(drawn, name, fast, slow) for name, fast, slow in zip(RULE_SETS, scored, plain, strict=True))


def nights_until_found(package, overrides):
    """Number of nights until the first difference; None when all agree."""
    rule_sets = [package.rule_set_from_mapping(loaded(name), overrides.get(name)) for name in RULE_SETS]
    for seed in range(MOST_NIGHTS):
        if is_different(package, rule_sets, seed):
            return seed + 1
    return None


def test_a_copy_without_a_change_agrees():
    with changed_copy(None) as package:
        rule_sets = [package.rule_set_from_mapping(loaded(name)) for name in RULE_SETS]
        assert package.score is not scoring.score
        assert not [seed for seed in range(60) if is_different(package, rule_sets, seed)]


def test_every_mutant_still_applies_and_has_its_own_name():
    names = [mutant.name for mutant in (*MUTANTS, *NUMBER_MUTANTS)]
    assert len(set(names)) == len(names) >= FEWEST_MUTANTS
    for mutant in MUTANTS:
        with changed_copy(mutant):
            pass


@pytest.mark.slow
def test_each_mutant_is_found(capsys):
    found = []
    for mutant in MUTANTS:
        with changed_copy(mutant) as package:
            found.append((mutant.name, nights_until_found(package, {})))
    for change in NUMBER_MUTANTS:
        overrides = {change.rule_set: {change.key: change.value}}
        found.append((f"{change.rule_set}: {change.name}", nights_until_found(scoring, overrides)))
    with capsys.disabled():
        print("\nmutant and nights until it was found\n" + table(found))
    assert not [name for name, nights in found if nights is None]
