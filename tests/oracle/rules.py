"""What a cell of the workbook must hold, from the text PostgreSQL gives for the value.

Written from the bundle format's rules alone ("Values, once for all formats"), with no look at the encoder.
"""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

MAX_UNITS = 32_767  # UTF-16 units in one cell
MARKER = " […]"  # ends a text that was shortened
SIGNIFICANT_DIGITS = 15
DAY_MS = 86_400_000
TOLERANCE_DAYS = 1e-9  # a double holds a serial of the year 9999 to 0.5e-9 days
EPOCH = date(1899, 12, 30)  # day 0 of the 1900 date system from 1900-03-01 on
FIRST_DAY = date(1900, 3, 1)  # before it, Excel's calendar has a 29 February 1900 that never was
END_MS = ((date(9999, 12, 31) - EPOCH).days + 1) * DAY_MS
EXCEL_MIN, EXCEL_MAX = Decimal("2.2250738585072014E-308"), Decimal("9.99999999999999E+307")

# Base types (domains looked through) whose cells are not text.
NUMBERS = {"smallint", "integer", "bigint", "numeric"}
FLOATS = {"real", "double precision"}
TIMESTAMPS = {"timestamp without time zone", "timestamp with time zone"}


@dataclass(frozen=True)
class Cell:
    """A cell as a reader found it.

    kind: empty, text (str), number (float), bool (bool), serial (days, with a date or time format), formula, error.
    format: for serial, which parts the number format shows: "date", "time" or "date time".
    """

    kind: str
    value: object = None
    format: str | None = None


EMPTY = Cell("empty")


@dataclass(frozen=True)
class Serial:
    """A point in time, or a time of day, in milliseconds; two of them where rounding may go either way."""

    milliseconds: tuple[int, ...]
    format: str

    def matches(self, cell):
        return (
            cell.kind == "serial"
            and cell.format in (None, self.format)
            and any(abs(cell.value - ms / DAY_MS) <= TOLERANCE_DAYS for ms in self.milliseconds)
        )


@dataclass(frozen=True)
class Number:
    """A number; equal to the cell's when both are the same double."""

    value: Decimal

    def matches(self, cell):
        return cell.kind == "number" and cell.value == float(self.value)


@dataclass(frozen=True)
class Text:
    """A text, in full if it fits, else shortened as late as the limit allows and never inside a surrogate pair."""

    value: str

    def matches(self, cell):
        if cell.kind != "text":
            return False
        if utf16_units(self.value) <= MAX_UNITS:
            return cell.value == self.value
        kept = cell.value.removesuffix(MARKER)
        return (
            cell.value.endswith(MARKER)
            and self.value.startswith(kept)
            and utf16_units(cell.value) <= MAX_UNITS
            and utf16_units(cell.value + self.value[len(kept)]) > MAX_UNITS
        )


@dataclass(frozen=True)
class Exactly:
    """The empty cell, or a boolean."""

    cell: Cell

    def matches(self, cell):
        return cell == self.cell


def utf16_units(text):
    """Length of `text` as Excel counts it."""
    return len(text) + sum(1 for character in text if ord(character) > 0xFFFF)


def expected(base_type, text, local=None):
    """What may stand in the cell; more than one only where the rules leave it open.

    base_type: as format_type gives it without modifier, domains looked through.
    text: the value as COPY writes it (before quoting), None for NULL.
    local: for timestamptz shown in another time zone than UTC, the text without zone in that one.
    """
    if text is None:
        return [Exactly(EMPTY)]
    if base_type == "boolean":
        return [Exactly(Cell("bool", {"t": True, "f": False}[text]))]
    if base_type in NUMBERS:
        return _number(text)
    if base_type in FLOATS:
        # Excel has no negative zero: it would show and reopen as 0 (TRAPS V3).
        return [Text(text)] if text in ("NaN", "Infinity", "-Infinity", "-0") else [Number(Decimal(text))]
    if base_type == "date":
        milliseconds = _date_ms(text)
        return [Text(text)] if milliseconds is None else [Serial((milliseconds,), "date")]
    if base_type in TIMESTAMPS:
        return _timestamp(text, local)
    if base_type == "time without time zone":
        return _rounded(_time_us(text), DAY_MS, "time", text)
    return [Text(text)]


def _number(text):
    """At most 15 significant digits → number. Zeros at the end may be counted or not: the value is exact either way."""
    if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text):
        return [Text(text)]
    value = Decimal(text)
    digits = text.lstrip("-").replace(".", "").lstrip("0")
    in_range = value == 0 or EXCEL_MIN <= abs(value) <= EXCEL_MAX
    if not in_range or len(digits.rstrip("0")) > SIGNIFICANT_DIGITS:
        return [Text(text)]
    return [Number(value)] if len(digits) <= SIGNIFICANT_DIGITS else [Number(value), Text(text)]


def _date_ms(text):
    """Milliseconds from the epoch of the 1900 date system; None outside Excel's calendar."""
    match = re.fullmatch(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", text)
    day = match and match[1] != "0000" and date(int(match[1]), int(match[2]), int(match[3]))
    return (day - EPOCH).days * DAY_MS if day and day >= FIRST_DAY else None


def _time_us(text):
    """Microseconds since midnight of `HH:MM:SS[.ffffff]`."""
    match = re.fullmatch(r"([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,6}))?", text)
    seconds = int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3])
    return seconds * 1_000_000 + int((match[4] or "").ljust(6, "0"))


def _rounded(microseconds, end_ms, number_format, text):
    """The value rounded to milliseconds. What would round to `end_ms` may be rounded down or be text; later is text."""
    down, rest = divmod(microseconds, 1000)
    candidates = (down,) if rest < 500 else (down + 1,) if rest > 500 else (down, down + 1)
    if down >= end_ms:
        return [Text(text)]
    if candidates[-1] >= end_ms:
        return [Serial((down,), number_format), Text(text)]
    return [Serial(candidates, number_format)]


def _timestamp(text, local):
    """A serial where Excel's calendar has the day shown, else the text as csv has it."""
    shown = text.removesuffix("+00") if local is None else local
    day, _, time = shown.partition(" ")
    midnight = _date_ms(day)
    if midnight is None or time.endswith(" BC"):
        return [Text(text)]
    return _rounded(midnight * 1000 + _time_us(time), END_MS, "date time", text)
