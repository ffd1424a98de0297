"""What refusals of workflows and of Microsoft Graph mean: both have one form. Pure."""

from ...core.answers import error_for, excerpt, field_of, retry_after
from ...core.errors import AuthFailed, Gone, IntegrationError, InvalidConfig, RateLimited, Rejected
from ...core.http import Response


def error_of(response: Response) -> IntegrationError:
    """The error in a response that is no success."""
    # https://learn.microsoft.com/azure/logic-apps/logic-apps-http-endpoint, https://learn.microsoft.com/graph/errors
    status, code = response.status, excerpt(field_of(response, "error", "code"))
    if code == "WorkflowNotFound" or status == 410:
        return Gone("Invalid webhook URL: the workflow was deleted in Teams. Create a new one.")
    if "NotEnabled" in code or "Disabled" in code:
        return InvalidConfig(f"The workflow is turned off in Power Automate ({code}): turn it on.")
    if code == "TriggerInputSchemaMismatch":
        return InvalidConfig(
            f"The workflow does not take cards ({code}): make it from the template Send webhook alerts to a channel."
        )
    if status in (401, 403):
        said = code or status
        return AuthFailed(
            f"Teams refused the credentials ({said}): copy the address again, or connect again as a member of the team."
        )
    if status == 404:
        return InvalidConfig(
            f"Teams does not know this channel or workflow ({code or status}): paste the link to another channel, or "
            "the address of another workflow."
        )
    if status == 429:
        return RateLimited("Teams asks to slow down.", retry_after=retry_after(response))
    if status == 400:
        return Rejected(f"Teams refused the message ({code}).")
    return error_for(response, "Teams", code)
