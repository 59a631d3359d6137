"""The one exception family, drawn as a tree; each class is one person or thing that must act.

NftganError                 exit 1   a bug in nftgan, when nothing below fits
├── UsageError              exit 2   a flag, a config value or an input file is wrong
│   └── MissingStepError    exit 2   an earlier verb has not been run
├── CheckFailed             exit 3   the check ran and the answer is no
├── CredentialError         exit 4   a key, a password or a token is missing or wrong
├── ServiceError            exit 5   a node, a gateway or a service does not answer or fails
├── PartlyDone              exit 6   some of the work is done: run the same command again
└── Cancelled               exit 130 Ctrl-C
"""

from __future__ import annotations


class NftganError(Exception):
    """One sentence: what is wrong and where; `hint` is the command or act that mends it."""

    exit_code = 1
    kind = "bug"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(NftganError):
    """A flag, a config value or an input file is wrong."""

    exit_code = 2
    kind = "usage"


class MissingStepError(UsageError):
    """An earlier verb has not been run."""

    kind = "missing_step"


class CheckFailed(NftganError):
    """The check ran and the answer is no."""

    exit_code = 3
    kind = "check_failed"


class CredentialError(NftganError):
    """A key, a password or a token is missing or wrong."""

    exit_code = 4
    kind = "credential"


class ServiceError(NftganError):
    """A node, a gateway or another service is unreachable or failing."""

    exit_code = 5
    kind = "service"


class PartlyDone(NftganError):
    """Part of the work is done and saved; the same command goes on."""

    exit_code = 6
    kind = "partly_done"


class Cancelled(NftganError):
    """The person pressed Ctrl-C; what was done is saved."""

    exit_code = 130
    kind = "cancelled"
