"""The version of this service: pyproject.toml, the OpenAPI document and the User-Agent header read it here."""

VERSION = "1.0.0"
USER_AGENT = f"Invenicum-Integrations/{VERSION}"
