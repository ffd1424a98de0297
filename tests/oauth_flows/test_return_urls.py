import pytest

from oauth_flows.return_urls import custom_schemes, is_allowed_return, web_origins, with_outcome


@pytest.mark.parametrize(
    "url", ["invenicum://oauth", "invenicum://", "invenicum:///a?b=c#d", "invenicum:/oauth", "invenicum:oauth"]
)
def test_a_listed_scheme_allows_all_its_addresses(url: str) -> None:
    assert is_allowed_return(url, ["https://app.example.com", "invenicum://"])
    assert not is_allowed_return(url, ["https://app.example.com"])
    assert not is_allowed_return(url, ["inven://", "invenicum2://"])


def test_a_listed_scheme_with_a_host_allows_that_host_only() -> None:
    origins = ["invenicum://oauth"]
    for url in ("invenicum://oauth", "invenicum://oauth/", "invenicum://oauth/done?x=1"):
        assert is_allowed_return(url, origins)
    for url in ("invenicum://other", "invenicum://oauth.evil", "invenicum:///oauth", "invenicum://a@oauth"):
        assert not is_allowed_return(url, origins)


@pytest.mark.parametrize("scheme", ["javascript", "data", "file", "intent", "https", "blob", "vbscript", "about"])
def test_a_scheme_of_the_browsers_own_is_never_allowed(scheme: str) -> None:
    assert not is_allowed_return(f"{scheme}:alert(1)", [f"{scheme}://"])
    assert custom_schemes([f"{scheme}://"]) == []


def test_origins_of_pages_and_schemes_of_apps_are_distinguished() -> None:
    origins = ["https://app.example.com", "invenicum://", "com.example.app://oauth", "http://localhost:3000/"]
    assert custom_schemes(origins) == ["invenicum", "com.example.app"]
    assert web_origins(origins) == ["https://app.example.com", "http://localhost:3000/"]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("invenicum://oauth", "invenicum://oauth?status=failed&type=slack&result=r"),
        ("invenicum://", "invenicum://?status=failed&type=slack&result=r"),
        ("invenicum:///a", "invenicum:///a?status=failed&type=slack&result=r"),
        ("invenicum:/a?b=1&result=old#c", "invenicum:/a?b=1&status=failed&type=slack&result=r#c"),
        ("https://a.example?status=x&type=y&b=", "https://a.example?b=&status=failed&type=slack&result=r"),
    ],
)
def test_the_outcome_is_added_to_any_address(url: str, expected: str) -> None:
    assert with_outcome(url, "failed", "slack", "r") == expected


def test_without_a_result_the_apps_own_parameter_of_that_name_stays() -> None:
    assert (
        with_outcome("invenicum://x?result=1", "failed", "slack") == "invenicum://x?result=1&status=failed&type=slack"
    )
