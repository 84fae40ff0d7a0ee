import random

import pytest
from biip.gtin import Gtin, GtinFormat

from pullsvc.demo.items import attributes_of, capacity, case_pack, make_item, section_of, zone_of
from pullsvc.demo.model import Attribute, DemoStore, Section, Zone
from pullsvc.demo.panel import Product


def product(*, category: str = "COLD CEREAL", department: str = "GROCERY", product_id: int = 1_082_185) -> Product:
    return Product(
        product_id=product_id,
        department=department,
        category=category,
        kind="ALL FAMILY CEREAL",
        private_brand=False,
        package_size="14 OZ",
    )


class TestCodes:
    def test_every_each_is_a_valid_gtin_13_of_the_demonstration_prefix(self, store: DemoStore) -> None:
        for item in store.items:
            gtin = Gtin.parse(item.gtin)
            assert type(gtin) is Gtin  # not a restricted number, in which tills would look for a price
            assert gtin.format is GtinFormat.GTIN_13
            assert gtin.prefix is not None
            assert gtin.prefix.value == "952"

    def test_every_case_is_a_valid_gtin_14_of_the_same_article(self, store: DemoStore) -> None:
        for item in store.items:
            gtin = Gtin.parse(item.case_gtin)
            assert gtin.format is GtinFormat.GTIN_14
            assert gtin.packaging_level == 1
            assert item.case_gtin[1:13] == item.gtin[:12]

    def test_no_code_is_used_twice(self, store: DemoStore) -> None:
        assert len(store.sku_by_gtin) == 2 * len(store.items)


class TestCasePack:
    @pytest.mark.parametrize(
        ("mean_qty_per_day", "packs"),
        [(0.0, {6, 4, 12}), (0.49, {6, 4, 12}), (0.5, {12, 6, 8}), (4.9, {12, 6, 8}), (5.0, {12, 24, 8})],
    )
    def test_follows_the_pace_of_sale(self, mean_qty_per_day: float, packs: set[int]) -> None:
        assert {case_pack(mean_qty_per_day, rng=random.Random(seed)) for seed in range(60)} == packs

    def test_of_slow_items_is_spread_as_the_rule_says(self, store: DemoStore) -> None:
        slow = [item.case_pack for item in store.items if item.mean_qty_per_day < 0.5]

        assert slow.count(6) / len(slow) == pytest.approx(0.5, abs=0.05)
        assert slow.count(4) / len(slow) == pytest.approx(0.25, abs=0.05)
        assert slow.count(12) / len(slow) == pytest.approx(0.25, abs=0.05)


class TestCapacity:
    def test_is_one_case_for_a_slow_item(self) -> None:
        assert capacity(0.1, case_pack=6, rng=random.Random(1)) == 6

    def test_is_about_half_a_day_for_a_fast_one(self) -> None:
        drawn = sorted(capacity(100.0, case_pack=12, rng=random.Random(seed)) for seed in range(301))

        assert 40 <= drawn[150] <= 50
        assert drawn[0] < 30
        assert drawn[-1] > 80

    def test_never_exceeds_two_hundred(self) -> None:
        assert capacity(10_000.0, case_pack=24, rng=random.Random(1)) == 200

    def test_of_every_item_holds_its_case_and_is_worth_playing(self, store: DemoStore) -> None:
        for item in store.items:
            assert item.case_pack <= item.capacity <= 200
            assert item.capacity <= max(item.case_pack, 5 * item.mean_qty_per_day)


class TestMakeItem:
    def test_does_not_depend_on_other_items(self, store: DemoStore) -> None:
        first = make_item(product(), price_cents=329, mean_qty_per_day=3.0, seed=1)
        make_item(product(product_id=2), price_cents=1, mean_qty_per_day=9.0, seed=1)

        assert make_item(product(), price_cents=329, mean_qty_per_day=3.0, seed=1) == first

    def test_gives_sane_prices_volumes_and_weights(self, store: DemoStore) -> None:
        for item in store.items:
            assert 1 <= item.price_cents <= 30_000, item
            assert 5 <= item.volume_ml <= 40_000, item
            assert 3 <= item.weight_g <= 22_000, item
        prices = sorted(item.price_cents for item in store.items)
        assert 150 <= prices[len(prices) // 2] <= 350


class TestHandling:
    @pytest.mark.parametrize(
        ("department", "category", "section", "zone", "attributes"),
        [
            ("GROCERY", "COLD CEREAL", Section.GROCERY, Zone.AMBIENT, set()),
            ("GROCERY", "ICE CREAM/MILK/SHERBTS", Section.FROZEN, Zone.FREEZER, {Attribute.FROZEN}),
            ("MEAT-PCKGD", "FROZEN MEAT", Section.FROZEN, Zone.FREEZER, {Attribute.FROZEN}),
            ("GROCERY", "EGGS", Section.DAIRY, Zone.DAIRY_COOLER, {Attribute.CHILLED, Attribute.FRAGILE}),
            ("GROCERY", "PNT BTR/JELLY/JAMS", Section.GROCERY, Zone.AMBIENT, set()),
            ("PRODUCE", "APPLES", Section.PRODUCE, Zone.PRODUCE_COOLER, {Attribute.CHILLED}),
            ("GROCERY", "BEERS/ALES", Section.DRINKS, Zone.HEAVY, {Attribute.RESTRICTED}),
            ("DRUG GM", "CIGARETTES", Section.KIOSK, Zone.SECURE, {Attribute.RESTRICTED}),
            ("SPIRITS", "LIQUOR", Section.KIOSK, Zone.SECURE, {Attribute.RESTRICTED, Attribute.FRAGILE}),
            ("GROCERY", "CAT LITTER", Section.GROCERY, Zone.HEAVY, set()),
            ("GROCERY", "BLEACH", Section.GROCERY, Zone.AMBIENT, {Attribute.HAZARDOUS}),
        ],
    )
    def test_follows_department_and_category(
        self, department: str, category: str, section: Section, zone: Zone, attributes: set[Attribute]
    ) -> None:
        made = product(department=department, category=category)

        assert section_of(made) is section
        assert zone_of(made) is zone
        assert attributes_of(made, weight_g=400) == attributes

    def test_five_kilograms_are_heavy(self) -> None:
        assert Attribute.HEAVY in attributes_of(product(), weight_g=5_000)
        assert Attribute.HEAVY not in attributes_of(product(), weight_g=4_999)
