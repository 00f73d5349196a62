"""Questions in lists of lines (Markdown, YAML, `Text: …`), from models that ignore the JSON format."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from querygen_core.answers.question_schema import TEXT_KEYS, plain_name
from querygen_core.answers.question_shapes import Questions
from querygen_core.answers.reasoning import announces_answer, announces_draft
from querygen_core.answers.texts import asks, clean, looks_like_question

_MAX_LINE = 12_000
_MARKS = "?？؟\u037e՞፧"
_NUMBER = r"(?:\(?(?:Q(?:uestion)?\s?)?\d{1,3}\s?[.):\]]|\(?Q(?:uestion)?\s?\d{1,3}\b|\d{1,3}\\\.|\d{1,3}\s[-–—])"
_BULLET = re.compile(
    rf"\s*(?:>\s?)*(?:#+\s+(?={_NUMBER})|[-+•–—▪◦‣*](?=[\s*\"“])\s*)?(?:\[[ xX]?\]\s*)?"
    rf"(?:[*_]{{0,3}}{_NUMBER}[*_]{{0,3}}:?[*_]{{0,3}}(?:\s|(?=[\"“*_])))?\s*"
)
_AROUND = " \t\r*_`\"'“”„«»"
_NAMED = re.compile(r"[*_`\"']{0,3}([A-Za-z][A-Za-z0-9_ -]{0,30}?)[*_`\"']{0,3}\s?[:=][*_`\"']{0,3}(?:\s+|\Z)")
_LABEL_BEHIND = re.compile(
    rf"([{_MARKS}][\"'”’*_]{{0,4}})\s*(?:[(\[{{<][^{_MARKS}]{{1,80}}|[-–—|→#]+\s*[^{_MARKS}]{{1,60}}|\*[^{_MARKS}]{{1,60}})\Z"
)
_BOLD_LABEL = re.compile(r"(?:\*\*|__)[^*_?]{1,40}(?::(?:\*\*|__)|(?:\*\*|__)\s?[:–—-])\s*")
_HEADING = re.compile(r"\s*(?:#{1,6}\s+|\*\*|__)?([^*_#:?]{1,60}?)(?:\*\*|__)?\s*:?\s*(?:\*\*|__)?\s*\Z")
_FOLDED = re.compile(r"[>|][+-]?\d?\Z")
_KEYS_OF_SUB_TYPE = ("sub_type", "subtype")
_OTHER_TEXT_KEYS = frozenset(["frage", "pregunta", "domanda", "vraag", "pergunta", "pytanie", "質問", "问题"])
_LABELS = frozenset(
    [
        "facet",
        "persona",
        "stage",
        "type",
        "category",
        "topic",
        "group",
        "label",
        "id",
        "name",
        "intent",
        "answer",
        "note",
        "reason",
        "explanation",
        "rationale",
        "brand_mode",
        "style",
        "length",
        "query_type",
        "language",
        "locale",
        "tags",
    ]
)
_CHATTY = re.compile(
    r"(?:would you|do you want|shall i|should i|can i help|may i|could you (?:please )?(?:provide|tell|share|clarify)|"
    r"is there anything|anything else|need anything|möchten sie|soll ich)\b",
    re.IGNORECASE,
)
_FEWEST_BARE = 3


@dataclass(slots=True)
class _Item:
    text: str
    indent: int
    keyed: bool
    """It stands behind a key that says that it is a question."""
    sub_type: str = ""
    ended: bool = True


@dataclass(slots=True)
class _Section:
    """Lines up to a heading that announces a draft or the answer."""

    draft: bool = False
    items: list[_Item] = field(default_factory=list)
    bare: list[str] = field(default_factory=list)
    lines: int = 0


def read_lines(text: str, names: Collection[str]) -> Questions:
    """The questions of the last list in `text` that is no draft. A last line without an end may be a part only."""
    reader = _Lines(names)
    *lines, last = text.split("\n")
    for line in lines:
        reader.line(line[:_MAX_LINE], ended=True)
    reader.line(last[:_MAX_LINE], ended=False)
    return reader.questions()


class _Lines:
    def __init__(self, names: Collection[str]) -> None:
        self._names = {plain_name(name): name for name in names}
        self._sections = [_Section()]
        self._group = ""
        self._sub_type = ""  # said before the text that it is of
        self._item: _Item | None = None
        self._folded: int | None = None  # the indentation of a key whose text follows in the next lines

    def line(self, line: str, *, ended: bool) -> None:
        stripped = line.strip()
        if not stripped or stripped.startswith(("```", "---", "===")):
            self._item = self._folded = None
            self._sub_type = ""
            return
        section = self._sections[-1]
        section.lines += 1
        indent = len(line) - len(line.lstrip())
        bullet = _BULLET.match(line)
        content = line[bullet.end() :].strip() if bullet else stripped
        listed = bullet is not None and bool(bullet[0].strip())
        if self._item and not listed and self._continues(stripped, indent, ended=ended):
            return
        if listed:
            self._item = None
        if stripped[0] in "{}[]" or stripped[:1] == "|":
            return
        if (named := _NAMED.match(content)) and self._named(
            plain_name(named[1]), content[named.end() :], indent, listed=listed, ended=ended
        ):
            return
        if not listed and self._heading(stripped):
            return
        if listed:
            self._listed(content, indent, ended=ended)
        elif asks(text := clean(stripped.strip(_AROUND))) and not _CHATTY.match(text):
            section.bare.append(text)

    def _continues(self, stripped: str, indent: int, *, ended: bool) -> bool:
        """Take a line that goes on with the text of the item before it."""
        item = self._item
        if (
            item is None
            or indent <= item.indent
            or asks(item.text)
            or (self._folded is None and _NAMED.match(stripped))
        ):
            return False
        item.text = f"{item.text} {stripped}".strip()
        item.ended = ended
        return True

    def _named(self, key: str, text: str, indent: int, *, listed: bool, ended: bool) -> bool:
        """Take a line `key: text`. A key that is not known may be part of a question."""
        self._folded = None
        value = text.strip()
        if value[:1] == '"' and '"' not in value[1:].replace('\\"', "") and not ended:  # its end is missing
            return True
        if key in TEXT_KEYS or key in _OTHER_TEXT_KEYS:
            self._item = _Item(
                "" if _FOLDED.match(value) else value, indent, True, self._sub_type or self._group, ended
            )
            self._folded = indent if not self._item.text else None
            self._sub_type = ""
            self._sections[-1].items.append(self._item)
            return True
        if key in _KEYS_OF_SUB_TYPE:
            value = value.strip(_AROUND)
            if self._item and not listed:
                self._item.sub_type = value if ended else self._item.sub_type
            else:
                self._sub_type = value
            return True
        if key in self._names and value:
            self._group = self._names[key]
            self._listed(value, indent, ended=ended)
            return True
        return key in _LABELS or (bool(value) and not asks(value))

    def _listed(self, content: str, indent: int, *, ended: bool) -> None:
        label = _BOLD_LABEL.match(content)
        text = content[label.end() :] if label else content
        text = _LABEL_BEHIND.sub(r"\1", text)
        self._item = _Item(text, indent, False, self._sub_type or self._group, ended)
        self._sub_type = ""
        self._sections[-1].items.append(self._item)

    def _heading(self, stripped: str) -> bool:
        """Take a line that names what follows it."""
        if not (match := _HEADING.match(stripped)):
            return False
        is_marked = stripped.startswith(("#", "**", "__")) or stripped.endswith((":", "**", "__"))
        if (key := plain_name(match[1])) in self._names:
            self._group = self._names[key]
            return True
        if not is_marked:
            return False
        if announces_answer(stripped) or announces_draft(stripped):
            self._sections.append(_Section(draft=announces_draft(stripped)))
            self._item = None
        self._group = (
            match[1]
            if re.fullmatch(r"[a-z]+(?:_[a-z]+)*", match[1])
            and stripped == f"{match[1]}:"
            and key not in ("questions", "queries")
            else ""
        )
        return True

    def questions(self) -> Questions:
        read = [_read_section(section) for section in self._sections]
        chosen = [
            one for one, section in zip(read, self._sections, strict=True) if one.items and not section.draft
        ] or [one for one in read if one.items]
        return chosen[-1] if chosen else Questions(whole=read[-1].whole)


def _read_section(section: _Section) -> Questions:
    questions = Questions()
    for item in section.items:
        text = clean(item.text.strip(_AROUND if asks(item.text) or not item.keyed else " \t\r\"'`“”"))
        good = asks(text) or (item.keyed and item.ended and looks_like_question(text))
        if good:
            questions.add(text, item.sub_type)
    if section.items and not asks(section.items[-1].text) and not section.items[-1].ended:
        questions.whole = False
    if not questions.items and len(section.bare) >= _FEWEST_BARE and 3 * len(section.bare) >= 2 * section.lines:
        for text in section.bare:
            questions.add(text)
    return questions
