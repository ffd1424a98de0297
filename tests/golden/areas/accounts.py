"""Removing an account, as a service."""

from ..scenario import API, Step, delete, get

BOB = f"{API}/accounts/user-900000002"
STEPS: list[Step] = [
    delete("removing an account without the scope", BOB, scopes="integrations:write events:publish-any"),
    delete("removing an account by a primary key", f"{API}/accounts/2", scopes="accounts:write"),
    delete("removing an unknown account", f"{API}/accounts/user-1", scopes="accounts:write"),
    delete("removing an account", BOB, scopes="accounts:write"),
    delete("removing it again", BOB, scopes="accounts:write"),
    get("reading an account", f"{API}/accounts/user-900000001", scopes="accounts:write"),
]
