"""What Typer says of a mistyped command, said as every other error: one sentence, and what to type.

Typer vendors Click, so that its exceptions are known by what they can do, not by their class.
"""

from __future__ import annotations

import re
from typing import Any

from nftgan.errors import UsageError

_PHRASES = (
    (r"^Invalid value for '([^']*)'(?: / '[^']*')*: (.*)$", r"\1 \2"),
    (r"^Invalid value: (.*)$", r"\1"),
    (r"^(\S+) Input should be (.*)$", r"\1 should be \2"),
    (r", unable to parse string as an? \w+", ""),
    (r"should be a valid integer", "should be a whole number"),
    (r"should be a valid ", "should be a "),
    (r"should be greater than or equal to (\S+)", r"should be \1 or more"),
    (r"should be less than or equal to (\S+)", r"should be \1 or less"),
    (r"^No such command '(.*?)'", r"there is no verb \1"),
    (r"^No such option: (\S+)", r"there is no option \1"),
    (r" \(Possible options: (.*)\)$", r"; there are \1"),
    (r"^Missing option '([^']*)'(?: / '[^']*')*\.? *(.*)$", r"\1 is missing \2"),
    (r"^Missing argument '([^']*)'\.? *(.*)$", r"\1 is missing \2"),
    (r"^Missing command\.$", "a verb is missing"),
    (r"^Option '([^']*)' requires an argument\.$", r"\1 needs a value"),
    (r"^Option '([^']*)' does not take a value\.$", r"\1 takes no value"),
    (r"^Got unexpected extra arguments? \((.*)\)$", r"one word too many: \1"),
    (r"^Got unexpected extra argument\(s\) \((.*)\)$", r"not understood: \1"),
)
_MEANT = re.compile(r"[.;]? *Did you mean '?(?:one of: *)?([^?']+)'?\?")


def usage_error(exc: Exception) -> UsageError | None:
    """The mistake in our words; None when `exc` is none of Typer's, an empty message for help that
    was shown.
    """
    describe = getattr(exc, "format_message", None)
    if describe is None:
        return None
    if type(exc).__name__ == "NoArgsIsHelpError":
        return UsageError("")
    message = " ".join(str(describe()).split())
    context: Any = getattr(exc, "ctx", None)
    command = getattr(context, "command_path", "nftgan")
    hint = f"{command} --help"
    if meant := _MEANT.search(message):
        hint = f"did you mean {meant[1].strip()}? Else {command} --help"
        message = _MEANT.sub("", message)
    for pattern, words in _PHRASES:
        message = re.sub(pattern, words, message)
    argument = getattr(exc, "param", None)
    if argument is not None and argument.param_type_name == "argument":
        shown = (argument.metavar or str(argument.name).upper()).strip("[]…")
        message = re.sub(rf"^{re.escape(str(argument.name))}\b", shown, message)
    return UsageError(message.strip().rstrip("."), hint=hint)
