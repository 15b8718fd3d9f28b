"""The sentences of the Methods paragraphs. Each takes its values from the rule file; none holds a number itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol


class Telling(Protocol):
    """Values given out as text (`__call__`, with unit) or as they are (`raw`)."""

    name: str
    title: str

    def __call__(self, key: str) -> str: ...

    def raw(self, key: str) -> Any: ...


def _either(v: Telling, key: str) -> Callable[[str, str], str]:
    chosen = v.raw(key)
    return lambda yes, no: yes if chosen else no


def rule_set(v: Telling) -> Iterator[str]:
    """Sentences of a rule set: movements, candidates, legs, series, sleep, respiration, arousals, what is missing."""
    yield f"Leg movements were scored by the rule set {v.title} (`{v.name}` of plms-pipeline)"
    yield from _movements(v)
    yield from _series(v)
    yield from _respiratory(v)
    yield from _arousals(v)
    yield from _missing(v)


def _movements(v: Telling) -> Iterator[str]:
    below = _either(v, "same_leg_join_limit")("at most", "less than")
    yield f"Marks of one leg separated by {below} {v('same_leg_join_gap_s')} were joined into one movement"
    v.raw("detection_limits")
    longest = "no maximum duration" if v.raw("lm_max_s") is None else f"a maximum duration of {v('lm_max_s')}"
    morphology = _either(v, "requires_morphology")("had to meet", "did not have to meet")
    yield (
        f"A leg movement (LM) had a minimum duration of {v('lm_min_s')}, itself included, and {longest}, and "
        f"{morphology} the morphology criterion; thresholds of onset, offset and duration were compared as the text "
        "of the rules has them"
    )
    if v.raw("too_long") == "interrupts":
        yield "A movement longer than its limit was kept as a non-candidate and ended the series"
    else:
        yield "A movement longer than its limit was no leg movement and was left out before series were built"
    mono = v.raw("clm_monolateral_max_s")
    both = v.raw("clm_bilateral_max_s")
    most = v.raw("clm_bilateral_max_monolateral")
    at_limit = _either(v, "duration_limit_is_candidate")("still a candidate", "no longer a candidate")
    single = "had no limit beyond that of the LM" if mono is None else f"lasted at most {v('clm_monolateral_max_s')}"
    double = "had no limit of its own duration" if both is None else f"lasted at most {v('clm_bilateral_max_s')}"
    parts = (
        "any number of monolateral movements"
        if most is None
        else f"at most {v('clm_bilateral_max_monolateral')} monolateral movements"
    )
    none_longer = "" if mono is None else f", none longer than {v('clm_monolateral_max_s')}"
    yield (
        f"A monolateral candidate leg movement (CLM) {single}; a bilateral one {double} and held {parts}{none_longer}; "
        f"a duration of exactly a limit was {at_limit}"
    )
    channel = v.raw("clm_combined_channel_max_s")
    limit = "without a limit of duration" if channel is None else f"up to {v('clm_combined_channel_max_s')} long"
    yield f"Where one channel recorded both legs, candidates were {limit} and sides were not told apart"
    if v.raw("assumed_duration_s") is None:
        yield (
            "Marks without a duration were kept but were no candidates, and the indices of a night with such marks "
            "were "
            "treated as unknown"
        )
    else:
        yield f"Marks without a duration were given one of {v('assumed_duration_s')}"
    near = _either(v, "combine_at_limit")("at most", "less than")
    if v.raw("combine_legs") == "gap":
        yield (
            "Movements of the two legs were combined into one bilateral movement when the gap from the offset of "
            "one to "
            f"the onset of the other was {near} {v('combine_limit_s')}, also in chains"
        )
    else:
        yield (
            f"Movements of the two legs with onsets {near} {v('combine_limit_s')} apart counted as one, at most one "
            "movement of each leg, beginning at the first onset and ending at the later offset"
        )


def _series(v: Telling) -> Iterator[str]:
    ends = _either(v, "imi_limits_are_inside")("included", "excluded")
    yield (
        "The inter-movement interval (IMI) ran from onset to onset of consecutive CLM; a series was continued by "
        "intervals "
        f"of {v('imi_min_s')} to {v('imi_max_s')}, both limits {ends}, and ended by a longer one"
    )
    may = _either(v, "short_imi_may_start")("could", "could not")
    if v.raw("short_imi") == "break":
        yield f"A shorter interval ended the series, and the CLM after it {may} be the first of a new one"
    else:
        yield "A CLM that followed sooner than that was passed over while the interval ran on"
    yield (
        f"A series of at least {v('series_min_clm')} CLM was periodic, and its members were periodic leg movements "
        "(PLM)"
    )
    border = "new" if v.raw("epoch_border") == "new" else "preceding"
    v.raw("unscored_epoch")
    where = {
        "none": "Series could cross wake, and PLM were assigned to sleep (PLMS) or wake (PLMW) by the stage at onset",
        "any_part": "Only movements with some part in sleep were scored; the stage of a movement was that at its onset",
        "onset": "Only movements with onset in sleep were scored",
    }[v.raw("sleep_requirement")]
    yield (
        f"{where}; an onset exactly on the border of two epochs belonged to the {border} epoch, and movements in "
        "unscored "
        "epochs were counted apart, neither as sleep nor as wake"
    )


def _respiratory(v: Telling) -> Iterator[str]:
    rule = v.raw("respiratory_rule")
    closed = _either(v, "respiratory_limits_are_inside")("included", "excluded")
    rera = _either(v, "respiratory_includes_rera")("counted", "did not count")
    before, after = v("respiratory_before_s"), v("respiratory_after_s")
    stays = {"interrupts": "still interrupted", "removed": "no longer interrupted"}[v.raw("nonclm_in_respiratory")]
    removed_first = v.raw("respiratory_removed_first")
    if rule == "none":
        yield f"Respiratory events played no part (window before and after them: {before} and {after})"
        return
    anchor = (
        f"{before} before to {after} after the end of a respiratory event"
        if rule == "event_end"
        else f"{before} before the start to {after} after the end of a respiratory event"
    )
    yield (
        f"A movement was respiratory-related when any part of it lay in the period from {anchor}, limits {closed}; "
        f"respiratory effort related arousals with a duration of their own {rera} as respiratory events"
    )
    if removed_first:
        yield (
            "Respiratory-related CLM were taken out before the series were built; a respiratory-related non-candidate "
            f"{stays} the series"
        )
    else:
        yield (
            "Series were built with every CLM and, reported apart, again without respiratory-related CLM, where a "
            f"respiratory-related non-candidate {stays} the series"
        )


def _arousals(v: Telling) -> Iterator[str]:
    at_most = _either(v, "arousal_at_limit")("at most", "less than")
    pair = v.raw("arousal_pair_s")
    each = (
        "every associated arousal counted"
        if pair is None
        else f"of two PLM with onsets less than {v('arousal_pair_s')} apart, each with an arousal, only the first "
        "arousal "
        "counted"
    )
    if v.raw("arousal_rule") == "none":
        yield f"Arousals played no part (gap between movement and arousal: {v('arousal_gap_s')}; {each})"
    else:
        yield (
            "A movement and an arousal were associated when they overlapped or the gap between them, in either "
            "order, was "
            f"{at_most} {v('arousal_gap_s')}; {each}"
        )


def _missing(v: Telling) -> Iterator[str]:
    for key in ("gap", "open_at_edge", "one_leg", "empty_night", "periodicity_definition"):
        v.raw(key)
    yield (
        "A gap of the recording or unscorable signal ended the series, no interval was measured across it, and its "
        "time "
        "left the denominators; movements open at such an edge were kept and marked; an index from one leg was "
        "reported "
        "as a point value without bounds; a night without movements had an index of 0 where there was scorable sleep "
        "and "
        "none otherwise; the periodicity index after Ferri and the ratio of PLM to CLM were reported under names of "
        "their "
        "own"
    )


def evidence(v: Telling) -> Iterator[str]:
    """Sentences of evidence classes, intervals and descriptive indices."""
    yield (
        "The evidence of a night was full when both legs were recorded, a share of at least "
        f"{v('full_min_scorable_fraction')} of its sleep and at least {v('full_min_scorable_sleep_h')} of sleep were "
        f"scorable, and a share of at least {v('full_min_staged_fraction')} of the analysis window was staged; nights "
        "with less were called partial, those from one channel for both legs combined, and those without usable EMG, "
        "staging or scorable sleep none"
    )
    yield (
        f"A leg unscorable for more than a share of {v('one_leg_unscorable_fraction')} of sleep made a one-leg "
        "night, as did a leg that was not recorded"
    )
    yield (
        "Each PLMS index was given with an interval: its lower end assumes that each edge of a gap added "
        f"{v('lo_movements_per_edge')} movements and that unscorable and unstaged sleep held none, its upper end that "
        f"each edge hid {v('hi_movements_per_edge')} and that unscorable sleep held movements at the shortest interval"
    )
    consecutive = v.raw("sleep_onset") == "consecutive_epochs"
    run = f"the first of {v('sleep_onset_epochs')} consecutive epochs of sleep"
    onset = run if consecutive else f"the first epoch of sleep (not {run})"
    yield (
        f"Epochs were {v('epoch_s')} long; sleep onset was {onset}; the time course was reported in bins of "
        f"{v('time_course_bin_h')} since sleep onset with at least {v('time_course_min_sleep_min')} of scorable sleep"
    )
    yield (
        f"The periodicity index was the share of IMI that were {v('periodicity_imi_min_s')} to "
        f"{v('periodicity_imi_max_s')} long and stood in runs of at least {v('periodicity_min_run')} such intervals"
    )
    yield (
        f"IMI were described by their share within {v('imi_typical_min_s')} to {v('imi_typical_max_s')}, the mean "
        "and SD "
        f"of ln(IMI) of intervals of {v('imi_log_min_s')} to {v('imi_log_max_s')}, and histograms with bins of "
        f"{v('imi_bin_s')} up to {v('imi_bin_max_s')} and, for ln(IMI in s), bins of {v('imi_ln_bin')} from "
        f"{v('imi_ln_bin_first')} to {v('imi_ln_bin_last')}; durations by their share within "
        f"{v('duration_typical_min_s')} to {v('duration_typical_max_s')}"
    )
    yield (
        f"A PLMS was followed by an awakening when an epoch of wake began within {v('awakening_within_s')} of its "
        "onset; "
        f"the lag between the legs was compared with {v('lag_shuffles')} equally spaced circular shifts of the right "
        "leg"
    )
    yield (
        "Where a human had marked leg movements, the marks were scored by the same rules; a detected movement and a "
        f"mark that overlapped or lay less than {v('agreement_tolerance_s')} apart were the same movement"
    )


def detector(v: Telling) -> Iterator[str]:
    """Sentences of the detector: conditioning, amplitude, resting level, thresholds, unscorable signal."""
    yield (
        f"Leg EMG was filtered without delay to {v('band_low_hz')} to {v('band_high_hz')}, the upper edge limited by "
        "the "
        f"sampling rate and the recorded low-pass; less than {v('band_min_width_hz')} of bandwidth was unscorable"
    )
    left = "was left in the signal; otherwise it would have been"
    mains, ecg = (left if v.raw(key) == "keep" else "was" for key in ("mains", "ecg"))
    yield (
        f"Mains interference at {v('mains_candidates_hz')} {mains} estimated in windows of {v('mains_window_s')} and "
        f"subtracted where its RMS was at least {v('mains_min_uv')} and its power at least {v('mains_min_ratio')} "
        "times "
        f"that of its neighbours ({v('mains_neighbours_hz')} from it) in a share of at least {v('mains_min_fraction')} "
        f"of the windows of {v('mains_test_window_s')} in which it was looked for, one every {v('mains_test_every_s')} "
        f"but at least {v('mains_test_windows')} in a run, and in no fewer than {v('mains_least_windows')}"
    )
    begin, end = v.raw("ecg_window_s")
    low, high = v.raw("ecg_band_hz")
    yield (
        f"R peaks were maxima between {low:.15g} and {high:.15g} Hz, in the ECG thinned to no less than "
        f"{v('ecg_least_rate_hz')}, above a share of {v('ecg_level_fraction')} of the median maximum of "
        f"{v('ecg_level_blocks')} of {v('ecg_level_block_s')} around"
    )
    yield (
        f"ECG {ecg} averaged around R peaks at least {v('ecg_refractory_s')} apart (from {-begin:.15g} s before to "
        f"{end:.15g} s after the peak, {v('ecg_group_beats')} at a time, at least {v('ecg_min_beats')}) and subtracted "
        f"where the peak of the average was at least {v('ecg_min_uv')} and {v('ecg_min_ratio')} standard errors"
    )
    low, high = v.raw("ecg_rhythm_interval_s")
    yield (
        "Without an ECG channel, peaks of the leg itself counted as beats where at least a share of "
        f"{v('ecg_rhythm_share')} of as many intervals around lay within a share of {v('ecg_rhythm_tolerance')} of "
        f"the median of {v('ecg_rhythm_beats')} intervals around, that median being {low:.15g} to {high:.15g} s"
    )
    measure = "root mean square" if v.raw("envelope") == "rms" else "mean of the rectified EMG"
    yield (
        f"Amplitude was the smallest {measure} of three centred windows of {v('envelope_short_s')}, "
        f"{v('envelope_middle_s')} and {v('envelope_long_s')}, the first times {v('envelope_short_gain')}, the second "
        f"times {v('envelope_middle_gain')}, the first and the last lengthened until bandwidth times duration reached "
        f"{v('envelope_short_bandwidth_time')} and {v('envelope_bandwidth_time')}; power was summed in ticks of "
        f"{v('envelope_tick_s')}, and the largest ticks of a window, {v('envelope_trim_s')} together, could lift its "
        f"power to no more than {v('envelope_trim_margin')} times that of steady noise with the same other ticks"
    )
    if v.raw("resting") == "percentile":
        yield "The resting level was the percentile below, raised likewise to the usual resting block"
    yield (
        f"The alternative to the following resting level is the {v('rest_percentile')} percentile over "
        f"{v('rest_percentile_window_s')}"
    )
    yield (
        f"The resting level was measured in blocks of {v('rest_block_s')}, smoothed over {v('rest_smooth_s')}: an "
        f"opening over {v('rest_movement_s')} followed tone, one over {v('rest_max_burst_s')} whatever outlasted any "
        f"burst; where they differed by more than {v('rest_tone_differs_uv')} and the factor "
        f"{v('rest_tone_differs_ratio')}, the second was used when the first rose to the onset level, unless both "
        f"edges took longer than {v('rest_tone_edge_s')}, looked for {v('rest_tone_margin_s')} around; both were "
        f"raised from the least of a window to the median of blocks below {v('rest_start_ratio')} times it, by at most "
        f"{v('rest_least_gain')}; blocks above the tone by {v('rest_activity_above_uv')} or the factor "
        f"{v('rest_activity_ratio')} were activity, and the resting level was that of the other blocks within a window "
        f"of {v('rest_window_s')} in which the tone differed by no more than {v('rest_same_uv')} plus a share of "
        f"{v('rest_same_ratio')}, of the tone itself with less than {v('rest_least_s')} of them"
    )
    yield (
        f"A movement began when the amplitude reached the resting level + {v('onset_above_rest_uv')} and ended at the "
        f"start of the first {v('offset_quiet_s')} during which it did not exceed the resting level + "
        f"{v('offset_above_rest_uv')}; it lasted at least {v('min_duration_s')}"
    )
    shortest, longest = v.raw("confirm_window_s")
    yield (
        f"A sample was active when it and most samples within a window of {v('activity_majority_s')} lay above the "
        f"offset level; activity above {v('broken_above_rest_uv')} for less than a share of {v('broken_share')}, in at "
        f"least {v('broken_stretches')} stretches and more than {v('broken_per_s')}, was rejected as broken except for "
        f"steady cores of {v('broken_core_s')} with holes of at most {v('broken_hole_s')}; in activity of at least "
        f"{v('pedestal_min_s')} a level that varied by less than the factor {v('pedestal_ratio')} over a share of "
        f"{v('pedestal_share')} and lay between the offset and onset levels was the resting level of what stood on it; "
        f"the mean around the peak, over a share of {v('confirm_share')} of the movement but {shortest:.15g} to "
        f"{longest:.15g} s, had to reach the resting level + {v('confirm_above_rest_uv')}"
    )
    yield (
        f"The morphology criterion was a window of {v('morphology_window_s')} with its median at or above the resting "
        f"level + {v('morphology_above_rest_uv')}"
    )
    yield (
        f"Not scorable were stretches with a resting level above {v('rest_limit_uv')}, shorter than "
        f"{v('min_segment_s')}, "
        f"flat (below {v('flat_rms_uv')} for {v('flat_min_s')}) or stuck at a limit of the amplifier for "
        f"{v('railed_min_s')}; a rectified resting level above {v('rest_standard_uv')} was flagged, and epochs in "
        f"which resting blocks exceeded their amplitude without the largest ticks by the factor {v('crackle_ratio')} "
        f"and {v('crackle_above_uv')} for a share of {v('crackle_epoch_share')} were flagged as crackle"
    )
    yield f"Signal quality was recorded per epoch of {v('epoch_s')}"


def piezo(v: Telling) -> Iterator[str]:
    """Sentences of the piezo detector: conditioning, amplitude, baseline, thresholds, unscorable signal."""
    yield (
        f"The signal of piezo-electric leg sensors was filtered without delay to {v('band_low_hz')} to "
        f"{v('band_high_hz')}, the upper edge limited by the sampling rate and the recorded low-pass; less than "
        f"{v('band_min_width_hz')} of bandwidth was unscorable"
    )
    yield (
        f"Amplitude was the smaller root mean square of two centred windows of {v('envelope_short_s')} and "
        f"{v('envelope_long_s')}; the baseline was the {v('rest_quantile')} quantile of the root mean square of blocks "
        f"of {v('rest_block_s')} over {v('rest_window_s')}, at least {v('rest_floor_steps')} times the digital step"
    )
    yield (
        f"A movement began when the amplitude reached {v('onset_ratio')} times the baseline and ended at the start of "
        f"the first {v('offset_quiet_s')} during which it did not exceed {v('offset_ratio')} times the baseline; it "
        f"lasted at least {v('min_duration_s')}"
    )
    yield (
        f"Not scorable were stretches shorter than {v('min_segment_s')}, of identical samples for {v('flat_min_s')} or "
        f"stuck at a limit of the amplifier for {v('railed_min_s')}"
    )
    yield (
        "Indices of piezo-electric sensors were kept apart from those of EMG; signal quality was described in epochs "
        f"of {v('epoch_s')}"
    )
