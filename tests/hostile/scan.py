"""Searches in an output: parts of a secret in any encoding, and characters that act."""

import base64
import html
import re
from urllib.parse import unquote

# A part of this length gives a secret away. Sixteen hexadecimal digits are eight characters.
PART = 16


def squeeze(text):
    """Letters and digits in lower case, after two rounds of unescaping."""
    for _ in range(2):
        text = html.unescape(unquote(text, errors="replace"))
        text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)
        text = re.sub(r"\\x([0-9a-fA-F]{2})", lambda found: chr(int(found[1], 16)), text)
        text = re.sub(r"\\[nrt]", " ", text)
    return "".join(letter for letter in text if letter.isalnum()).lower()


class Secret:
    """A secret and every window of its encodings."""

    def __init__(self, name, text):
        self.name, self.text = name, text
        raw = text.encode()
        forms = [text, text[::-1], raw.hex(), "".join(f"%{byte:02x}" for byte in raw)]
        # Inside a longer text, base64 depends on where in a group of three bytes it begins.
        for shift in range(3):
            encoded = base64.b64encode(bytes(shift) + raw).decode().rstrip("=")
            forms.append(encoded[4 if shift else 0 : len(encoded) - 2])
        self.windows = set()
        for form in forms:
            squeezed = squeeze(form) if "%" in form else "".join(filter(str.isalnum, form)).lower()
            size = PART if len(squeezed) >= PART else len(squeezed)
            self.windows |= {squeezed[at : at + size] for at in range(len(squeezed) - size + 1)}
        self.size = size

    def found_in(self, squeezed):
        for at in range(len(squeezed) - self.size + 1):
            window = squeezed[at : at + self.size]
            if window in self.windows:
                return window
        return None


ACTIVE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"
    "\U000e0000-\U000e007f]"
)
COMMAND = re.compile(r"##vso\[|##\[|^[ \t\u00a0]*::", re.IGNORECASE | re.MULTILINE)


def active(text, may_have_commands=False):
    """What acts in a terminal or a CI log; `None` if nothing does."""
    found = ACTIVE.search(text.replace("\r\n", "\n"))
    if found:
        return f"U+{ord(found[0]):04X} in {text[max(0, found.start() - 40):found.end() + 20]!r}"
    if not may_have_commands:
        found = COMMAND.search(text)
        if found:
            return f"a CI command in {text[max(0, found.start() - 40):found.end() + 40]!r}"
    return None
