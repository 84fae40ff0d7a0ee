import numpy as np
import pytest

from pullsvc.demo.seeds import chance, uniforms

IDS = np.arange(31_198_570_044, 31_198_590_044, dtype=np.int64)


class TestChance:
    def test_repeats_and_differs_by_seed_purpose_and_key(self) -> None:
        def draw(seed: int, purpose: str, key: str) -> float:
            return chance(seed=seed, purpose=purpose, key=key).random()

        assert draw(1, "capacity", "995242") == draw(1, "capacity", "995242")
        assert len({draw(1, "a", "k"), draw(2, "a", "k"), draw(1, "b", "k"), draw(1, "a", "l")}) == 4


class TestUniforms:
    def test_spread_evenly_from_zero_to_one(self) -> None:
        draws = uniforms(IDS, seed=1, purpose="register")

        tenths, counts = np.unique((draws * 10).astype(int), return_counts=True)
        assert tenths.tolist() == list(range(10))
        assert counts.tolist() == [pytest.approx(2_000, abs=200)] * 10

    def test_of_another_seed_or_purpose_are_unrelated(self) -> None:
        draws = uniforms(IDS, seed=1, purpose="register")

        for other in (uniforms(IDS, seed=2, purpose="register"), uniforms(IDS, seed=1, purpose="kept receipt")):
            assert abs(np.corrcoef(draws, other)[0, 1]) < 0.05

    def test_of_an_id_do_not_depend_on_the_others(self) -> None:
        assert uniforms(IDS[7:8], seed=1, purpose="register") == uniforms(IDS, seed=1, purpose="register")[7]
