"""The item master: what the panel tells about a product, and what it leaves open, derived by stated rules."""

import math
from random import Random

from biip.checksums import gs1_standard_check_digit

from pullsvc.demo.measures import measure
from pullsvc.demo.model import Attribute, Item, Section, Zone
from pullsvc.demo.panel import Product
from pullsvc.demo.seeds import chance

GS1_PREFIX = "952"
"""GS1 keeps this prefix for demonstrations, so no code of ours can be a real article's. Prefixes 02 and 20-29 would
not do (tills read a price or weight in them), nor 04 (restricted circulation, for which no case GTIN exists)."""
CASE_INDICATOR = "1"
CAPACITY_MAX_QTY = 200
CAPACITY_DAYS = 0.45
CAPACITY_SIGMA = 0.35
HEAVY_G = 5_000

_FAST_QTY, _STEADY_QTY = 5.0, 0.5  # Mean eaches a day.
_PACKS_BY_PACE = {
    "fast": ((12, 0.5), (24, 0.3), (8, 0.2)),
    "steady": ((12, 0.5), (6, 0.3), (8, 0.2)),
    "slow": ((6, 0.5), (4, 0.25), (12, 0.25)),
}

_TOBACCO = ("CIGARETTES", "TOBACCO", "CIGARS")
_ALCOHOL = ("BEERS", "WINE", "LIQUOR")
_HAZARDOUS = ("BLEACH", "CHARCOAL AND LIGHTER", "FIREWORKS", "INSECTICIDES", "PROPANE", "AUTOMOTIVE")
_FROZEN = ("FRZN", "FROZEN", "ICE CREAM")
_DAIRY = (
    "FLUID MILK",
    "MILK BY-PROD",
    "CHEESE",
    "YOGURT",
    "EGGS",
    "REFRGRATD",
    "REFRIGERATED",
    "MARGARINE",
    "BUTTER",
    "DAIRY",
)
_DRINKS = ("SOFT DRINK", "WATER", "BEER", "ISOTONIC", "CANNED JUICES", "WINE", "NEW AGE")
_BULKY = ("CAT LITTER", "DOG FOODS", "CHARCOAL", "BIRD SEED")
_FRAGILE = (
    "EGGS",
    "BREAD",
    "BAG SNACKS",
    "CRACKERS",
    "COOKIES",
    "CAKES",
    "PIES",
    "BERRIES",
    "WINE",
    "LIQUOR",
    "OLIVES",
    "GLASS",
)
_MEAT_DEPARTMENTS = ("MEAT", "MEAT-PCKGD", "SEAFOOD-PCKGD")
_HEALTH_HOME_DEPARTMENTS = ("DRUG GM", "COSMETICS", "GARDEN CENTER")


def make_item(product: Product, *, price_cents: int, mean_qty_per_day: float, seed: int) -> Item:
    """Return the item for `product`; everything open is drawn by `seed` and the sku, so no item moves another.

    Args:
        product: As in the panel.
        price_cents: Regular price of one each.
        mean_qty_per_day: Mean eaches sold a day over the history, the played day excluded; >= 0.
        seed: Of the whole store.
    """
    sku = sku_of(product.product_id)
    volume_ml, weight_g = measure(product)
    pack = case_pack(mean_qty_per_day, rng=chance(seed=seed, purpose="case pack", key=sku))
    return Item(
        sku=sku,
        description=describe_product(product),
        department=product.department,
        category=product.category,
        section=section_of(product),
        zone=zone_of(product),
        attributes=attributes_of(product, weight_g=weight_g),
        gtin=gtin_13(product.product_id),
        case_gtin=case_gtin_14(product.product_id),
        case_pack=pack,
        capacity=capacity(mean_qty_per_day, case_pack=pack, rng=chance(seed=seed, purpose="capacity", key=sku)),
        price_cents=price_cents,
        volume_ml=volume_ml,
        weight_g=weight_g,
        mean_qty_per_day=mean_qty_per_day,
    )


def case_pack(mean_qty_per_day: float, *, rng: Random) -> int:
    """Return the eaches of a case: 12, 24 or 8 for fast items, 12, 6 or 8 for steady, 6, 4 or 12 for slow ones."""
    pace = "fast" if mean_qty_per_day >= _FAST_QTY else "steady" if mean_qty_per_day >= _STEADY_QTY else "slow"
    packs, weights = zip(*_PACKS_BY_PACE[pace], strict=True)
    return int(rng.choices(packs, weights)[0])


def capacity(mean_qty_per_day: float, *, case_pack: int, rng: Random) -> int:
    """Return what the shelf holds: about 0.45 days of mean sales (spread lognormally), at least one case."""
    days = CAPACITY_DAYS * rng.lognormvariate(0.0, CAPACITY_SIGMA)
    return min(CAPACITY_MAX_QTY, max(case_pack, math.ceil(days * mean_qty_per_day)))


def sku_of(product_id: int) -> str:
    """Return the sku: the product id behind a letter, as a scanner would take some of the bare numbers for barcodes."""
    return f"P{product_id}"


def gtin_13(product_id: int) -> str:
    """Return the GTIN-13 of one each: 952, the product id in nine digits, check digit."""
    return _with_check_digit(f"{GS1_PREFIX}{product_id:09d}")


def case_gtin_14(product_id: int) -> str:
    """Return the GTIN-14 of one case: indicator 1 before the digits of the each, own check digit."""
    return _with_check_digit(f"{CASE_INDICATOR}{GS1_PREFIX}{product_id:09d}")


def describe_product(product: Product) -> str:
    """Return a line for a label: kind, size, and whether it is the chain's own brand (the panel has no names)."""
    size = f", {product.package_size.lower()}" if product.package_size else ""
    brand = ", own brand" if product.private_brand else ""
    return f"{product.kind.capitalize()}{size}{brand}"


def section_of(product: Product) -> Section:
    """Return where on the floor the product stands; the first fact that holds decides."""
    claims = (
        (Section.KIOSK, product.department == "SPIRITS" or _has(product, (*_TOBACCO, "LIQUOR"))),
        (Section.FROZEN, _has(product, _FROZEN)),
        (Section.MEAT, product.department in _MEAT_DEPARTMENTS),
        (Section.DAIRY, _has(product, _DAIRY)),
        (Section.PRODUCE, product.department == "PRODUCE"),
        (Section.BAKERY, product.department == "PASTRY"),
        (Section.HEALTH_HOME, product.department in _HEALTH_HOME_DEPARTMENTS),
        (Section.DRINKS, _has(product, _DRINKS)),
    )
    return next((section for section, holds in claims if holds), Section.GROCERY)


def zone_of(product: Product) -> Zone:
    """Return where in the backroom the product is kept: locked up, by temperature, then by weight."""
    by_section = {
        Section.KIOSK: Zone.SECURE,
        Section.FROZEN: Zone.FREEZER,
        Section.MEAT: Zone.MEAT_COOLER,
        Section.DAIRY: Zone.DAIRY_COOLER,
        Section.PRODUCE: Zone.PRODUCE_COOLER,
        Section.DRINKS: Zone.HEAVY,
    }
    return by_section.get(section_of(product), Zone.HEAVY if _has(product, _BULKY) else Zone.AMBIENT)


def attributes_of(product: Product, *, weight_g: int) -> frozenset[Attribute]:
    """Return how the product must be handled, by the words of its category."""
    zone = zone_of(product)
    facts = {
        Attribute.FROZEN: zone is Zone.FREEZER,
        Attribute.CHILLED: zone in (Zone.MEAT_COOLER, Zone.DAIRY_COOLER, Zone.PRODUCE_COOLER),
        Attribute.FRAGILE: product.department == "PASTRY" or _has(product, _FRAGILE),
        Attribute.HAZARDOUS: _has(product, _HAZARDOUS),
        Attribute.HEAVY: weight_g >= HEAVY_G,
        Attribute.RESTRICTED: _has(product, _TOBACCO + _ALCOHOL),
    }
    return frozenset(attribute for attribute, holds in facts.items() if holds)


def _has(product: Product, words: tuple[str, ...]) -> bool:
    return any(word in product.category for word in words)


def _with_check_digit(digits: str) -> str:
    return f"{digits}{gs1_standard_check_digit(digits)}"
