import pytest

from pullsvc.demo.measures import Size, measure, read_size
from pullsvc.demo.panel import Product

OZ, LB = 28.35, 453.6


def product(*, size: str, category: str = "SOUP", department: str = "GROCERY", kind: str = "SOUP") -> Product:
    return Product(
        product_id=1,
        department=department,
        category=category,
        kind=kind,
        private_brand=False,
        package_size=size,
    )


class TestReadSize:
    @pytest.mark.parametrize(
        ("text", "size"),
        [
            ("16 OZ", Size(grams=16 * OZ)),
            ("12 FL OZ", Size(grams=12 * OZ)),
            ("L    5.5 OZ", Size(grams=5.5 * OZ)),
            (".7 OZ", Size(grams=0.7 * OZ)),
            ("L16 5/8 OZ", Size(grams=16.625 * OZ)),
            ("5 LB BAG", Size(grams=5 * LB)),
            ("1 1/2 LB", Size(grams=1.5 * LB)),
            ("1/2 GAL", Size(millilitres=3785 / 2)),
            ("HALF GAL", Size(millilitres=3785 / 2)),
            ("PT", Size(millilitres=473)),
            ("750 ML", Size(millilitres=750)),
            ("12 PK/12 OZ", Size(grams=144 * OZ)),
            ("4 PK 5.48 OZ", Size(grams=4 * 5.48 * OZ)),
            ("10/6.75 OZ", Size(grams=67.5 * OZ)),
            ("4/4 OZ", Size(grams=16 * OZ)),
            ("7/4 OZ", Size(grams=28 * OZ)),
            ("16.9 OZ/6 PK", Size(grams=6 * 16.9 * OZ)),
            ("12 PK/300 OZ", Size(grams=300 * OZ)),  # Twelve times that would weigh 100 kg: it is the total.
            ("12 CT/15 OZ", Size(grams=15 * OZ, pieces=12)),
            ("24 CT", Size(pieces=24)),
            ("1 DZ", Size(pieces=12)),
            ("12 PK", Size(pieces=12)),
            ("971838  PK", Size()),
            ("83.5 SQ FT", Size()),
            ("LARGE", Size()),
            ("", Size()),
        ],
    )
    def test_reads_what_is_printed(self, text: str, size: Size) -> None:
        read = read_size(text)

        assert read.grams == pytest.approx(size.grams)
        assert read.millilitres == pytest.approx(size.millilitres)
        assert read.pieces == size.pieces


class TestMeasure:
    def test_a_can_of_soup_weighs_its_contents_and_a_bit(self) -> None:
        volume_ml, weight_g = measure(product(size="10.75 OZ"))

        assert weight_g == pytest.approx(329, abs=2)
        assert 300 <= volume_ml <= 500

    def test_paper_is_light_for_its_volume(self) -> None:
        volume_ml, weight_g = measure(product(size="", category="PAPER TOWELS"))

        assert volume_ml > 5 * weight_g

    def test_a_case_of_bananas_is_not_what_a_shopper_buys(self) -> None:
        assert measure(product(size="40 LB", department="PRODUCE", category="TROPICAL FRUIT"))[1] < 1_000
        assert measure(product(size="3 LB", department="PRODUCE", category="APPLES"))[1] > 1_300

    def test_the_kind_tells_how_many_cans_make_a_pack(self) -> None:
        one_can = product(size="12 OZ", category="SOFT DRINKS", kind="SOFT DRINKS 12/18&15PK CAN CAR")
        pack = product(size="12 PK/12 OZ", category="SOFT DRINKS", kind="SOFT DRINKS 12/18&15PK CAN CAR")

        assert measure(one_can) == measure(pack)
