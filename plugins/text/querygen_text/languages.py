"""Words and punctuation by language: how questions begin, how sentences cannot end."""

from __future__ import annotations

from dataclasses import dataclass

from querygen_text.word_patterns import word_set


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """The words of one language that decide whether a text is a question. All in lower case."""

    question_words: frozenset[str]
    """Words that make a clause a question: what, how, …"""

    opening_verbs: frozenset[str]
    """Words that may open a yes-or-no question."""

    subjects: frozenset[str] = frozenset()
    """Words that make a heading of the question word before them ("How it works")."""

    unfinished: frozenset[str] = frozenset()
    """Words that no sentence ends with."""

    stranded: frozenset[str] = frozenset()
    """Prepositions that may end a question only if it asks for their object ("What is it made of?")."""

    first_person: frozenset[str] = frozenset()
    """Words by which people speak of themselves."""

    is_complete: bool = False
    """Whether the lists are good enough to conclude that a text is *not* a question."""

    @property
    def function_words(self) -> frozenset[str]:
        return self.question_words | self.opening_verbs | self.subjects | self.unfinished | self.stranded


ENGLISH = Language(
    question_words=word_set(
        "what which who whom whose how why when where whether wondering what's who's how's where's when's whats"
    ),
    opening_verbs=word_set(
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
    first_person=word_set("i i'm i've i'd i'll me my mine myself we we're we've us our ours"),
    is_complete=True,
)

GERMAN = Language(
    question_words=word_set(
        "was wer wen wem wessen wie wieviel wo wann warum wieso weshalb woher wohin womit wofür wozu wodurch woraus "
        "worin worauf worüber wogegen wobei woran wovon wonach welche welcher welches welchen welchem inwiefern "
        "inwieweit ob"
    ),
    opening_verbs=word_set(
        "ist sind war waren hat haben hatte kann können könnte könnten darf dürfen muss müssen soll sollen sollte "
        "sollten wird werden wurde wurden würde würden gibt lässt lassen oder"
    ),
    subjects=word_set("ich du wir ihr sie er es man der die das dieser diese dieses ein eine"),
    unfinished=word_set(
        "und oder aber sowie der die das den dem des ein eine einen einem einer sehr als weil wenn ob bzw"
    ),
    first_person=word_set("ich mich mir mein meine meinen meinem meiner meines wir uns unser unsere unseren unserem"),
    is_complete=True,
)

LANGUAGES = {
    "en": ENGLISH,
    "de": GERMAN,
    "fr": Language(
        question_words=word_set(
            "comment combien pourquoi quand où quel quelle quels quelles lequel laquelle est-ce qu'est-ce"
        ),
        opening_verbs=word_set("peut-on puis-je faut-il"),
        first_person=word_set("je j'ai j'aime me moi mon ma mes nous notre nos puis-je"),
    ),
    "es": Language(
        question_words=word_set("qué cuál cuáles cómo cuánto cuánta cuántos cuántas cuándo dónde quién quiénes"),
        opening_verbs=frozenset(),
        first_person=word_set("yo me mí mi mis nosotros nosotras nuestro nuestra nos"),
    ),
    "it": Language(
        question_words=word_set("come quanto quanta quanti quante quale quali cosa dove quando perché chi"),
        opening_verbs=frozenset(),
        first_person=word_set("io mi me mio mia miei mie noi ci nostro nostra"),
    ),
    "nl": Language(
        question_words=word_set("hoe hoeveel hoelang wat waar waarom waarmee waarvoor wanneer welke welk wie"),
        opening_verbs=word_set("is zijn kan kun kunnen heeft hebben moet mag wordt worden"),
        first_person=word_set("ik mij mijn me wij we ons onze"),
    ),
    "pt": Language(
        question_words=word_set("qual quais quanto quanta quantos quantas quando onde quem como"),
        opening_verbs=frozenset(),
        first_person=word_set("eu me mim meu minha meus minhas nós nosso nossa nos"),
    ),
}

UNSPACED = frozenset({"zh", "ja", "ko", "th", "lo", "km", "my"})
"""Languages written with few spaces or none: their words cannot be counted, and a question has few characters."""

MARK_OPTIONAL = frozenset({"ja", "th", "lo", "km", "my", "hy"})
"""Languages in which a question need not end with a question mark."""

FULL_WIDTH = frozenset({"zh", "ja", "ko"})
"""Languages in which full-width letters and punctuation are normal."""


def parse_language(locale: str) -> str:
    """The language of a locale: `de` for `de-AT` or `de_AT`; "" if the locale is empty."""
    return locale.replace("_", "-").partition("-")[0].lower()


def question_marks(language: str) -> str:
    """The characters that end a question."""
    return "?？؟⁇;\u037e" if language == "el" else "?？؟⁇"
