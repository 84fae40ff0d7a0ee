"""Code 128 and GS1-128: from text to bars. Pure.

ISO/IEC 15417: eleven modules to a symbol, three code sets. Of those B (printable ASCII) and C (two digits to a symbol)
are used here: C for digits at the front, as GS1 numbers have them, B for what follows. Changes in the middle of a
text would save little, and not every label printer makes them right. GS1-128 is the same with FNC1 behind the start.
"""

import string
from dataclasses import dataclass

FNC1 = 102
START_B, START_C, STOP = 104, 105, 106
TO_B = 100
QUIET_MODULES = 10
MODULES_OF_SYMBOL, MODULES_OF_STOP = 11, 13
CHECK_MODULUS = 103
MIN_DIGITS_FOR_C = 4  # Fewer are not worth the change of the code set.

# Widths of bar, space, bar, space ... in modules, by the value of the symbol.
_ROWS = (
    "212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132",
    "122231 113222 123122 123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212",
    "322112 322211 212123 212321 232121 111323 131123 131321 112313 132113 132311 211313 231113 231311",
    "112133 112331 132131 113123 113321 133121 313121 211331 231131 213113 213311 213131 311123 311321",
    "331121 312113 312311 332111 314111 221411 431111 111224 111422 121124 121421 141122 141221 112214",
    "112412 122114 122411 142112 142211 241211 221114 413111 241112 134111 111242 121142 121241 114212",
    "124112 124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113 114311 411113",
    "411311 113141 114131 311141 411131 211412 211214 211232 2331112",
)
_WIDTHS = tuple(symbol for row in _ROWS for symbol in row.split())

# How ZPL's ^FD names what is no character of the text.
ZPL_START_B, ZPL_START_C, ZPL_TO_B, ZPL_FNC1, ZPL_GREATER = ">:", ">;", ">6", ">8", ">0"


@dataclass(frozen=True, slots=True)
class Bars:
    """A bar code, encoded.

    Attributes:
        values: Values of its symbols, from the start to the stop.
        zpl: The same as field data of ZPL's ^BC.
    """

    values: tuple[int, ...]
    zpl: str

    @property
    def modules(self) -> int:
        """Its width without quiet zones."""
        return MODULES_OF_SYMBOL * (len(self.values) - 1) + MODULES_OF_STOP

    def widths(self) -> list[int]:
        """Return the widths of bars and spaces in turn, beginning with a bar, in modules."""
        return [int(width) for value in self.values for width in _WIDTHS[value]]


def encode(text: str, *, is_gs1: bool = False) -> Bars:
    """Return the bars of the text; `is_gs1` for a GS1 element string without separators in it.

    Raises:
        ValueError: the text is empty or holds other than printable ASCII.
    """
    if not (text and text.isascii() and text.isprintable()):
        raise ValueError("Code 128 is made of printable ASCII here")
    digits = (len(text) - len(text.lstrip(string.digits))) // 2 * 2
    pairs, letters = (text[:digits], text[digits:]) if digits >= MIN_DIGITS_FOR_C else ("", text)
    values = [START_C if pairs else START_B]
    zpl = ZPL_START_C if pairs else ZPL_START_B
    if is_gs1:
        values.append(FNC1)
        zpl += ZPL_FNC1
    values += [int(pairs[at : at + 2]) for at in range(0, len(pairs), 2)]
    zpl += pairs
    if letters:
        if pairs:
            values.append(TO_B)
            zpl += ZPL_TO_B
        values += [ord(letter) - ord(" ") for letter in letters]
        zpl += letters.replace(">", ZPL_GREATER)
    check = (values[0] + sum(place * value for place, value in enumerate(values))) % CHECK_MODULUS
    return Bars((*values, check, STOP), zpl)
