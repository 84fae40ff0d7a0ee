import re
from collections import Counter, defaultdict

from pullsvc.demo.layout import ITEMS_PER_BIN, ITEMS_PER_BOARD, supply_qty
from pullsvc.demo.model import DemoStore, Section, Zone


class TestFloor:
    def test_walk_is_a_strict_order_over_well_formed_codes(self, store: DemoStore) -> None:
        assert [shelf.walk_seq for shelf in store.shelf_locations] == list(range(1, len(store.shelf_locations) + 1))
        assert len({shelf.code for shelf in store.shelf_locations}) == len(store.shelf_locations)
        assert all(re.fullmatch(r"A\d\d-(0[1-9]|1[0-2])-[1-5]", shelf.code) for shelf in store.shelf_locations)

    def test_walk_goes_up_the_odd_aisles_and_down_the_even_ones(self, store: DemoStore) -> None:
        bays: dict[int, list[int]] = defaultdict(list)
        for shelf in store.shelf_locations:
            bays[int(shelf.code[1:3])].append(int(shelf.code[4:6]))

        assert list(bays) == list(range(1, len(bays) + 1))
        for aisle, walked in bays.items():
            assert walked == sorted(walked, reverse=aisle % 2 == 0)

    def test_walk_visits_sections_one_after_another(self, store: DemoStore) -> None:
        visited = list(dict.fromkeys(shelf.section for shelf in store.shelf_locations))

        assert visited == [section for section in Section if section in visited]
        assert Counter(s.section for s in store.shelf_locations).keys() == {i.section for i in store.items}

    def test_every_item_has_one_home_in_its_section(self, store: DemoStore) -> None:
        section_of = {shelf.code: shelf.section for shelf in store.shelf_locations}

        assert len(store.placements) == len(store.placement_by_sku) == len(store.items)
        for placement in store.placements:
            item = store.item_by_sku[placement.sku]
            assert section_of[placement.location_code] is item.section
            assert placement.capacity == item.capacity
            assert 1 <= placement.presentation_min == placement.facings <= placement.capacity

    def test_no_board_is_overcrowded(self, store: DemoStore) -> None:
        assert max(Counter(p.location_code for p in store.placements).values()) <= ITEMS_PER_BOARD


class TestBackroom:
    def test_walk_is_a_strict_order_zone_by_zone(self, store: DemoStore) -> None:
        assert [place.walk_seq for place in store.bins] == list(range(1, len(store.bins) + 1))
        assert len({place.code for place in store.bins}) == len(store.bins)
        assert all(re.fullmatch(r"BR-[AHSPMDF]-\d{2,3}-[1-4]", place.code) for place in store.bins)
        assert list(dict.fromkeys(place.zone for place in store.bins)) == list(Zone)

    def test_every_item_is_supplied_in_whole_cases_or_known_to_be_out(self, store: DemoStore) -> None:
        out = 0
        for item in store.items:
            stocks = store.stocks_by_sku[item.sku]
            out += not stocks
            assert sum(stock.book_qty for stock in stocks) == (supply_qty(item) if stocks else 0)
            assert all(stock.book_qty % item.case_pack == 0 for stock in stocks)
            wanted = max(3 * item.case_pack, 2.5 * item.mean_qty_per_day) + 3 * item.capacity
            assert wanted <= supply_qty(item) < wanted + item.case_pack
        assert 0.005 <= out / len(store.items) <= 0.02

    def test_every_item_lies_in_one_to_three_bins_of_its_zone(self, store: DemoStore) -> None:
        zone_of = {place.code: place.zone for place in store.bins}
        counts = Counter(len(stocks) for stocks in store.stocks_by_sku.values())

        assert counts.keys() == {0, 1, 2, 3}
        assert all(zone_of[s.bin_code] is store.item_by_sku[s.sku].zone for s in store.bin_stocks)
        assert len({(stock.bin_code, stock.sku) for stock in store.bin_stocks}) == len(store.bin_stocks)
        assert max(Counter(stock.bin_code for stock in store.bin_stocks).values()) <= ITEMS_PER_BIN

    def test_some_bins_hold_less_than_the_books_say_and_none_more(self, store: DemoStore) -> None:
        wrong = [stock for stock in store.bin_stocks if stock.true_qty != stock.book_qty]

        assert all(0 <= stock.true_qty < stock.book_qty for stock in wrong)
        assert 0.04 <= len(wrong) / len(store.bin_stocks) <= 0.06
        assert 0.4 <= sum(stock.true_qty == 0 for stock in wrong) / len(wrong) <= 0.65
