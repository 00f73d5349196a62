"""What querygen-text knows of languages: how questions begin, how sentences cannot end."""

from __future__ import annotations

from dataclasses import dataclass

from querygen_text.patterns import word_set


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """What is known of one language.

    asks: words that ask wherever they stand. verbs: what may open a yes-or-no question. subjects: after an asking
    word they make it a heading ("How it works"). unfinished: no sentence ends with them. stranded: prepositions that
    may end only a question about their object ("What is it made of?"). complete: the lists are good enough to say
    that a text is *not* a question.
    """

    asks: frozenset[str]
    verbs: frozenset[str]
    subjects: frozenset[str] = frozenset()
    unfinished: frozenset[str] = frozenset()
    stranded: frozenset[str] = frozenset()
    complete: bool = False

    @property
    def function_words(self) -> frozenset[str]:
        return self.asks | self.verbs | self.subjects | self.unfinished | self.stranded


ENGLISH = Language(
    asks=word_set(
        "what which who whom whose how why when where whether wondering what's who's how's where's when's whats"
    ),
    verbs=word_set(
        "is are was were am do does did can could will would shall should may might must has have had "
        "isn't aren't wasn't weren't don't doesn't didn't can't cannot couldn't won't wouldn't shouldn't hasn't "
        "haven't any anyone anybody anything right correct"
    ),
    subjects=word_set("i you we they it he she the this these your our a an"),
    unfinished=word_set(
        "and or but nor the a an my your our its their very than because if whether although unless whose vs versus "
        "every each"
    ),
    stranded=word_set("with for of from to at by into onto between against during among via than"),
    complete=True,
)

GERMAN = Language(
    asks=word_set(
        "was wer wen wem wessen wie wieviel wo wann warum wieso weshalb woher wohin womit wofür wozu wodurch woraus "
        "worin worauf worüber wogegen wobei woran wovon wonach welche welcher welches welchen welchem inwiefern "
        "inwieweit ob"
    ),
    verbs=word_set(
        "ist sind war waren hat haben hatte kann können könnte könnten darf dürfen muss müssen soll sollen sollte "
        "sollten wird werden wurde wurden würde würden gibt lässt lassen oder"
    ),
    subjects=word_set("ich du wir ihr sie er es man der die das dieser diese dieses ein eine"),
    unfinished=word_set(
        "und oder aber sowie der die das den dem des ein eine einen einem einer sehr als weil wenn ob bzw"
    ),
    complete=True,
)

LANGUAGES = {
    "en": ENGLISH,
    "de": GERMAN,
    "fr": Language(
        asks=word_set("comment combien pourquoi quand où quel quelle quels quelles lequel laquelle est-ce qu'est-ce"),
        verbs=word_set("peut-on puis-je faut-il"),
    ),
    "es": Language(
        asks=word_set("qué cuál cuáles cómo cuánto cuánta cuántos cuántas cuándo dónde quién quiénes"),
        verbs=frozenset(),
    ),
    "it": Language(
        asks=word_set("come quanto quanta quanti quante quale quali cosa dove quando perché chi"), verbs=frozenset()
    ),
    "nl": Language(
        asks=word_set("hoe hoeveel hoelang wat waar waarom waarmee waarvoor wanneer welke welk wie"),
        verbs=word_set("is zijn kan kun kunnen heeft hebben moet mag wordt worden"),
    ),
    "pt": Language(asks=word_set("qual quais quanto quanta quantos quantas quando onde quem como"), verbs=frozenset()),
}

UNCOUNTED = frozenset({"zh", "ja", "ko", "th", "lo", "km", "my"})
"""Written with few spaces or none: words are not counted there, and a question has few characters."""

WITHOUT_MARK = frozenset({"ja", "th", "lo", "km", "my", "hy"})
"""A question need not end with a question mark there."""

FULL_WIDTH = frozenset({"zh", "ja", "ko"})


def language_of(locale: str) -> str:
    """`de` of `de-AT` or `de_AT`; "" if the locale is empty."""
    return locale.replace("_", "-").partition("-")[0].lower()


def marks(language: str) -> str:
    """The characters that end a question."""
    return "?？؟⁇;\u037e" if language == "el" else "?？؟⁇"
