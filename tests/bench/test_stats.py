"""Figures from samples."""

import pytest

from pullsvc.bench.stats import MIN_NOISE, Tally, Verdict, compare, harmonic, latency, paired


class TestTally:
    def test_tells_what_ended_in_a_stretch_of_time(self) -> None:
        tally = Tally()
        for began, ended in ((1.0, 1.5), (1.0, 2.0), (1.9, 2.5), (2.0, 3.0)):
            tally.note("pick", began=began, ended=ended)

        assert tally.between(2.0, 3.0) == {"pick": [1.0, pytest.approx(0.6)]}

    def test_takes_in_what_another_process_noted(self) -> None:
        ours, theirs = Tally(), Tally()
        ours.note("ask", began=0, ended=1)
        theirs.note("ask", began=0, ended=2)
        theirs.mark("arrival", at=5, value=4711)
        ours.add(theirs)

        assert ours.between(0, 9) == {"ask": [1, 2], "arrival": [4711]}


class TestLatency:
    def test_is_by_nearest_rank(self) -> None:
        found = latency([n / 1000 for n in range(100, 0, -1)])

        assert (found.count, found.p50_ms, found.p99_ms, found.max_ms) == (100, 50, 99, 100)

    def test_of_one_call_is_that_call(self) -> None:
        found = latency([0.25])

        assert (found.p50_ms, found.p99_ms, found.max_ms) == (250, 250, 250)


class TestHarmonic:
    def test_a_cycle_takes_the_time_of_its_acts_together(self) -> None:
        """One ask at 100/s and five picks at 1,000/s are 15 ms."""
        assert harmonic({"ask": 100, "pick": 1_000}, {"ask": 1, "pick": 5}) == pytest.approx(1 / 0.015)


class TestCompare:
    def test_sees_what_is_beyond_the_noise(self) -> None:
        assert compare([110, 111, 112], [100, 101, 102]).verdict is Verdict.FASTER
        assert compare([100, 101, 102], [110, 111, 112]).verdict is Verdict.SLOWER

    def test_sees_no_difference_within_the_noise_of_either_run(self) -> None:
        even, uneven = [100, 101, 102], [80, 112, 120]

        assert compare(uneven, even).verdict is Verdict.SAME
        assert compare(even, uneven).verdict is Verdict.SAME

    def test_never_believes_less_than_what_two_runs_differ_by_anyway(self) -> None:
        found = compare([102, 102, 102], [100, 100, 100])

        assert found.noise == MIN_NOISE
        assert found.verdict is Verdict.SAME

    def test_does_not_trust_single_spans(self) -> None:
        assert compare([120], [100]).verdict is Verdict.SAME
        assert compare([150], [100]).verdict is Verdict.FASTER


class TestPaired:
    def test_sees_through_an_hour_that_slowed_both(self) -> None:
        slow_hour, old = [55.0, 110.0, 165.0], [50.0, 100.0, 150.0]

        assert compare(slow_hour, old).verdict is Verdict.SAME
        assert paired(slow_hour, old).verdict is Verdict.FASTER
        assert paired(old, slow_hour).verdict is Verdict.SLOWER

    def test_calls_nothing_different_whose_pairs_disagree(self) -> None:
        assert paired([120, 80, 110], [100, 100, 100]).verdict is Verdict.SAME

    def test_one_pair_proves_little(self) -> None:
        assert paired([120], [100]).verdict is Verdict.SAME
