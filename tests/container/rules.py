"""Rules for our Dockerfile, checked on its text. Each rule yields one line per problem."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

_CONTINUED = re.compile(r"\\\n(?:\s*#.*\n)*")
_FLAG = re.compile(r"(?:--\S+\s+)*")
SOURCE = ("querygen_core", "plugins", "prompts")


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction. stage: counted from 0; -1 before the first FROM."""

    stage: int
    name: str
    words: str

    def __str__(self) -> str:
        return f"{self.name} {self.words[:60]}"

    @property
    def copies(self) -> list[str]:
        """Return the sources of a COPY or ADD, without its destination."""
        is_copy = self.name in {"COPY", "ADD"} and "--from=" not in self.words
        return _FLAG.sub("", self.words, count=1).split()[:-1] if is_copy else []


def read(text: str) -> list[Step]:
    lines = _CONTINUED.sub(" ", text).splitlines()
    steps: list[Step] = []
    stage = -1
    for line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, _, words = line.strip().partition(" ")
        stage += name.upper() == "FROM"
        steps.append(Step(stage, name.upper(), words.strip()))
    return steps


def two_stages(steps: Sequence[Step]) -> Iterator[str]:
    images = [step.words.partition(" ")[0] for step in steps if step.name == "FROM"]
    if len(images) != 2:
        yield f"{len(images)} stages, not a building and a final one"
    if len(set(images)) > 1:
        yield f"the stages have different images, {' and '.join(images)}, but one virtual environment"


def named_images(steps: Sequence[Step]) -> Iterator[str]:
    """The base image has a digest, or a tag that names Python's and Debian's versions."""
    arguments = dict(step.words.partition("=")[::2] for step in steps if step.name == "ARG" and step.stage == -1)
    for step in steps:
        if step.name == "FROM":
            image = step.words.partition(" ")[0]
            image = arguments.get(image.strip("${}"), image)
            tag = image.rpartition("/")[2].partition(":")[2]
            if "@sha256:" not in image and not re.fullmatch(r"\d+\.\d+-\w+-\w+", tag):
                yield f"{image or 'nothing'} is no image that stays the same"


def not_root(steps: Sequence[Step]) -> Iterator[str]:
    users = [step.words for step in steps if step.name == "USER" and step.stage == _last(steps)]
    if not users or not re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1]):
        yield f"it runs as {users[-1] if users else 'root'}, not as a number of its own"


def exec_form(steps: Sequence[Step]) -> Iterator[str]:
    """With a shell in between, signals would go to the shell."""
    points = [step for step in steps if step.name == "ENTRYPOINT" and step.stage == _last(steps)]
    for step in [*points, *(step for step in steps if step.name == "CMD")]:
        if not _is_list(step.words):
            yield f"{step} is run by a shell"
    if [step.words for step in points] != ['["querygen"]']:
        yield "the entry point is not querygen"
    if [step.words for step in steps if step.name == "STOPSIGNAL"] != ["SIGTERM"]:
        yield "it is not stopped by SIGTERM"


def no_unchecked_download(steps: Sequence[Step]) -> Iterator[str]:
    for step in steps:
        if step.name == "ADD" and "://" in step.words and "--checksum=sha256:" not in step.words:
            yield f"{step} takes what comes"
        if step.name == "RUN" and re.search(r"\b(?:curl|wget|git clone|apt-get|apk)\b", step.words):
            yield f"{step} takes what comes"


def hashed_installs(steps: Sequence[Step]) -> Iterator[str]:
    """Every package that pip installs has a hash, or is a file that was built here."""
    for step in steps:
        for command in step.words.split("&&"):
            if re.search(r"\bpip\b.* install\b|\buv\b", command) and not re.search(
                r"--require-hashes|--no-index", command
            ):
                yield f"pip installs unknown files: {command.strip()[:60]}"


def nothing_missing(steps: Sequence[Step]) -> Iterator[str]:
    """With `--no-deps` pip installs what is named; what that needs is looked for once all is there."""
    last = max((n for n, step in enumerate(steps) if re.search(r"\bpip\b.* install\b", step.words)), default=-1)
    checks = [n for n, step in enumerate(steps) if re.search(r"PIP_QUIET=0 .*\bpip\b.* check\b", step.words)]
    if not any(n >= last for n in checks):
        yield "no `pip check` names packages that are missing"


def dependencies_first(steps: Sequence[Step]) -> Iterator[str]:
    """Third-party packages are installed before source is copied, or every change would install them again."""
    first = next((n for n, step in enumerate(steps) if any(map(_is_source, step.copies))), None)
    installs = [n for n, step in enumerate(steps) if step.name == "RUN" and "--require-hashes" in step.words]
    if first is None or not installs:
        yield "no source is copied" if first is None else "nothing is installed with hashes"
    elif first < max(installs):
        yield f"{steps[first]} stands before what it does not change"
    last = [step.words for step in steps if step.stage == _last(steps) and step.name == "COPY"]
    if not any("/opt/querygen" in words for words in last[:-1]) or "/own" not in last[-1]:
        yield "what comes from elsewhere and what is ours are not layers apart, ours the last"


def own_files_belong_to_root(steps: Sequence[Step]) -> Iterator[str]:
    for step in steps:
        if step.name in {"COPY", "ADD"} and re.search(r"--ch(?:own|mod)", step.words):
            yield f"{step} gives code to somebody"


def no_secrets(steps: Sequence[Step]) -> Iterator[str]:
    for step in steps:
        if step.name in {"ARG", "ENV"} and re.search(r"(?i)(?:key|token|secret|password)\b", step.words):
            yield f"{step} would stay in the image"


RULES: tuple[Callable[[Sequence[Step]], Iterator[str]], ...] = (
    two_stages,
    named_images,
    not_root,
    exec_form,
    no_unchecked_download,
    hashed_installs,
    nothing_missing,
    dependencies_first,
    own_files_belong_to_root,
    no_secrets,
)


def _last(steps: Sequence[Step]) -> int:
    return max(step.stage for step in steps)


def _is_list(words: str) -> bool:
    try:
        return isinstance(json.loads(words), list)
    except ValueError:
        return False


def _is_source(path: str) -> bool:
    return path in {".", "./"} or path.startswith(SOURCE)
