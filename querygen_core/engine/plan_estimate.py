"""What requests that nobody has sent yet will use: by the store's own answers, else by what is usual."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from querygen_core.contracts.records import Usage
from querygen_core.engine.plan_requests import ENOUGH, Figures, Line
from querygen_core.engine.token_guess import NONE, Range, TextSize, answer_tokens
from querygen_core.journal.store_view import EarlierAnswer

_FEW_REFILLS = 5  # answers to refills; there are never many
_UNKNOWN_ANSWER = Range(50, 300, 1_500)  # tokens of an answer whose questions nobody has counted, such as a judge's
_ACCEPTED = 70  # characters of each question that a refill is told of
_REFILL_ANSWER = Range(0.15, 0.3, 0.6)  # of a first answer
_SHARE = Range(0, 0.05, 0.12)  # of the products for which a generator asks again, where it has asked for some to spare
_SHARE_WITHOUT_SPARE = Range(0, 0.5, 1)
_START, _PACE = 1.5, 120.0  # seconds until a model begins, tokens per second then


@dataclass(frozen=True, slots=True)
class Use:
    """What a line's requests will use, and how that is known."""

    calls: Range
    """Calls, refills and second tries included."""
    refills: Range
    """Those of them whose first requests have no answer yet, so that nobody knows whether they will be needed."""
    input: Range
    """Tokens."""
    output: Range
    """Tokens, reasoning included."""
    usd: Range | None
    """None: the price is not known."""
    call_seconds: float
    """Of one call, as far as that can be told by its length."""
    input_known: str
    """How the tokens of what is sent are known."""
    output_known: str
    """How the tokens of answers are known."""


@dataclass(frozen=True, slots=True)
class Estimator:
    """Knows all lines of a plan, since one model's answers tell something of its others."""

    lines: Sequence[Line]
    """Of the plan."""
    counted: dict[int, float]
    """Index of a line → tokens that its provider counts, for each that is guessed (`TextSize.tokens`)."""
    earlier: Sequence[EarlierAnswer]
    """Answers of the job's newest outcomes."""
    filters: bool
    """Whether questions may be dropped."""
    rounds: int
    """Refills of a product at most."""

    def use(self, index: int) -> Use:
        line = self.lines[index]
        each, output_known = self._received(line)
        refills = self._refills(line)
        tries = self._tries(line)
        first, input_known = self._sent(index, line.first)
        seen_refills = _times(line.refills_new)
        more, _ = self._sent(index, line.refill)
        one_more, _ = self._sent(index, _usual_refill(line))
        refill_answer = self._refill_answer(line, each)
        sent = (first + more + refills.times(one_more)).times(tries)
        received = (each.times(_times(line.first_new)) + refill_answer.times(seen_refills + refills)).times(tries)
        calls = (_times(line.first_new) + seen_refills + refills).times(tries)
        price = line.model.price
        usd = None
        if price is not None:
            low, expected, high = (
                price.of(Usage(input=math.ceil(i), output=math.ceil(o)))
                for i, o in zip(_three(sent), _three(received), strict=True)
            )
            usd = Range(low, expected, high)
        seconds = _START + each.expected / _PACE
        return Use(calls, refills, sent, received, usd, seconds, input_known, output_known)

    def _sent(self, index: int, size: TextSize) -> tuple[Range, str]:
        line = self.lines[index]
        if line.answered.calls >= ENOUGH:
            ratio = line.answered.input / max(1.0, line.answered.measure)
            return Range.around(ratio * size.tokens, 0.03), f"as {line.answered.calls} stored answers were billed"
        if (ratio := self.counted.get(index, 0.0)) > 0:
            return Range.around(ratio * size.tokens, 0.03), "counted by the provider"
        same = self._same_model(line)
        if same.calls >= ENOUGH:
            text = f"as {same.calls} stored answers of the model were billed"
            return Range.around(same.input / max(1.0, same.measure) * size.tokens, 0.08), text
        return size.guess, "guessed by length"

    def _received(self, line: Line) -> tuple[Range, str]:
        """Tokens of one first answer."""
        longest = float(line.model.largest(line.example).output) if line.example else math.inf
        if line.answered.calls >= ENOUGH:
            return _mean(line.answered).at_most(longest), f"as in {line.answered.calls} stored answers"
        own = [one for one in self.earlier if one.round == 0 and _is_by(one, line) and one.generator in line.asker]
        if len(own) >= ENOUGH:
            return _by_question(own, line).at_most(longest), f"as in {len(own)} answers to an earlier prompt"
        same = self._same_model(line)
        if same.calls >= ENOUGH and same.questions and line.questions:
            each = _total(same) / same.questions * line.questions
            return Range.around(each, 0.4).at_most(longest), f"as in {same.calls} stored answers of the model"
        others = [one for one in self.earlier if one.round == 0 and _is_by(one, line)]
        if len(others) >= ENOUGH and line.questions:
            return _by_question(others, line).at_most(longest), f"as in {len(others)} earlier answers of the model"
        if line.example is None or not line.questions:
            return _UNKNOWN_ANSWER.at_most(longest), "guessed"
        thinking = Range(*map(float, line.model.thinking))
        return (answer_tokens(line.example, line.questions) + thinking).at_most(longest), "guessed by the plan"

    def _same_model(self, line: Line) -> Figures:
        """What the first requests of other lines to the same model have used."""
        return sum(
            (other.answered for other in self.lines if other.model is line.model and other is not line), Figures()
        )

    def _refills(self, line: Line) -> Range:
        """Refills of products whose first answers are not there yet."""
        if not self.rounds or not line.questions:
            return NONE
        known = line.open_known * line.refills_new / max(1, line.explored_new)
        return self._share(line).times(_times(line.open_new)) + _times(known)

    def _share(self, line: Line) -> Range:
        if line.explored >= ENOUGH:
            share = line.refills / line.explored
            off = 2 * math.sqrt(max(share, 1 / line.explored) / line.explored)
            return Range(max(0.0, share - off), share, share + off)
        own = [one for one in self.earlier if _is_by(one, line) and one.generator in line.asker]
        first = sum(one.round == 0 for one in own)
        if first >= ENOUGH:
            share = (len(own) - first) / first
            return Range(share / 2, share, 2 * share + 0.05)
        if not self.filters:
            return NONE
        return _SHARE if line.has_spare else _SHARE_WITHOUT_SPARE

    def _refill_answer(self, line: Line, first: Range) -> Range:
        if line.answered_refills.calls >= _FEW_REFILLS:
            return Range.around(_total(line.answered_refills) / line.answered_refills.calls, 0.2)
        own = [one for one in self.earlier if one.round and _is_by(one, line) and one.generator in line.asker]
        if len(own) >= _FEW_REFILLS:
            return Range.around(sum(map(_tokens, own)) / len(own), 0.3)
        return first.times(_REFILL_ANSWER)

    def _tries(self, line: Line) -> Range:
        if line.answered.calls >= ENOUGH:
            return _times(line.answered.tries / line.answered.calls)
        return Range(1, 1, 1.02)


def _is_by(answer: EarlierAnswer, line: Line) -> bool:
    """Whether it is of the line's model. A provider may name the exact version of it."""
    model = line.model
    return answer.provider == model.provider.use and model.model.rpartition("/")[2] in answer.model


def _by_question(answers: Sequence[EarlierAnswer], line: Line) -> Range:
    """Of answers to another prompt, which may have asked for another number."""
    questions = sum(one.questions for one in answers)
    each = sum(map(_tokens, answers)) / max(1, questions)
    return Range.around(each * (line.questions or questions / len(answers)), 0.3)


def _tokens(answer: EarlierAnswer) -> int:
    return (answer.usage.output or 0) + (answer.usage.thinking or 0)


def _total(figures: Figures) -> float:
    return figures.output + figures.thinking


def _mean(figures: Figures) -> Range:
    """Twice the standard error, and a little since the products to come may be others."""
    mean = _total(figures) / figures.calls
    deviation = math.sqrt(max(0.0, figures.squares / figures.calls - mean**2))
    return Range.around(mean, 0.1 + 2 * deviation / math.sqrt(figures.calls) / max(1.0, mean))


def _usual_refill(line: Line) -> TextSize:
    """A refill as those that are known, else as a first request with the questions that were good."""
    if line.refills_new:
        return line.refill.divided(line.refills_new)
    told = line.questions * _ACCEPTED
    return line.first.divided(max(1, line.first_new)) + TextSize(told, told, 0)


def _times(number: float) -> Range:
    return Range(number, number, number)


def _three(figure: Range) -> tuple[float, float, float]:
    return figure.low, figure.expected, figure.high
