"""A next release, which exists only here: today's code with more migrations, as CONTRIBUTING.md says to write them."""

SETTINGS = "tests.upgrades.next_release.settings"
