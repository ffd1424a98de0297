"""What operators do to many rows at once: each action says first what it would do, and is done after that is confirmed.

An action is made from the query of its page, calls a service of an app, and leaves an entry in the audit trail.
"""

from collections.abc import Mapping

from .access_actions import RegisterHooks, RevokeGrant, RevokeIntegration, RevokeTokens, RevokeUser, SendTestMail
from .console_action import ConsoleAction
from .delivery_actions import CancelReplay, CloseCircuits, HoldType, ReleaseType, RetryMatching

ACTIONS: Mapping[str, type[ConsoleAction]] = {
    action.name: action
    for action in (
        RetryMatching,
        HoldType,
        ReleaseType,
        CloseCircuits,
        RegisterHooks,
        CancelReplay,
        RevokeIntegration,
        RevokeGrant,
        RevokeTokens,
        RevokeUser,
        SendTestMail,
    )
}
