from __future__ import annotations

from urllib.parse import urlencode

from django.db import models

from .alert_texts import advice, sentence


class Sample(models.Model):
    """The engine's figures at one moment, as `/metrics` has them; see `invenicum.operations.samples`.

    Counters are sums since ever, so that the difference of any two samples says what happened between them, whatever is
    missing in between. The other figures are those of the moment; of a quarter-hour, the highest of its minutes.
    """

    class Period(models.IntegerChoices):
        """The seconds from one sample to the next of the same kind."""

        MINUTE = 60
        QUARTER_HOUR = 900

    at = models.DateTimeField(help_text="The beginning of its minute or quarter-hour.")
    seconds = models.PositiveSmallIntegerField(choices=Period)
    # Counters: attempts by `outcome|error class|fault`, latencies by bucket (see `webhooks.engine.metrics`).
    attempts = models.JSONField(default=dict)
    latency = models.JSONField(default=list)
    latency_sum = models.FloatField(default=0.0)
    # Deliveries by state; see `webhooks.engine.metrics.Queue`.
    due = models.PositiveIntegerField(default=0)
    later = models.PositiveIntegerField(default=0)
    held = models.PositiveIntegerField(default=0)
    waiting = models.PositiveIntegerField(default=0)
    oldest_seconds = models.FloatField(default=0.0)
    circuits_open = models.PositiveIntegerField(default=0)
    integrations = models.PositiveIntegerField(default=0, help_text="Active ones.")
    workers_alive = models.PositiveSmallIntegerField(default=0)
    workers_known = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["seconds", "at"], name="one_sample_a_moment")]

    def __str__(self) -> str:
        return f"sample of {self.at:%Y-%m-%d %H:%M}"


class FailureCause(models.Model):
    """Deliveries that fail for the same reason, counted with the newest sample; see `failure_causes`.

    A status of None means that there was no response. `example` is the newest of them, `error` what it met.
    """

    type = models.CharField(max_length=40)
    error_class = models.CharField(max_length=10)
    status_code = models.PositiveSmallIntegerField(null=True)
    deliveries = models.PositiveIntegerField()
    owners = models.PositiveIntegerField()
    since = models.DateTimeField()
    example = models.UUIDField()
    error = models.CharField(max_length=500, blank=True)
    counted_at = models.DateTimeField()

    class Meta:
        ordering = ["-deliveries", "pk"]

    def __str__(self) -> str:
        return f"{self.type}: {self.error_class} {self.status_code or ''}".strip()

    @property
    def query(self) -> str:
        """It as a query: of the list of its deliveries, and of the action that retries them."""
        status = {} if self.status_code is None else {"status_code": self.status_code}
        return urlencode({"type": self.type, "error_class": self.error_class, **status})


class WebCounter(models.Model):
    """A sum over all web processes, of which each adds its own every few seconds: see `request_counters.py`."""

    name = models.CharField(max_length=255, primary_key=True)  # as in `invenicum.web.request_counts`
    value = models.FloatField()

    def __str__(self) -> str:
        return self.name


class AlertQuerySet(models.QuerySet["Alert"]):
    def open(self) -> AlertQuerySet:
        """Those that have not ended."""
        return self.filter(ended_at=None)


class Alert(models.Model):
    """Something that was found wrong, from when to when; see `invenicum.operations.alerts`.

    The row is what several processes agree by: one of them tells operators of its beginning, and one of its end.
    """

    rule = models.CharField(max_length=40)
    subject = models.CharField(max_length=40, blank=True, help_text="The type that it is about, if any.")
    figures = models.JSONField(default=dict)
    since = models.DateTimeField()
    found_at = models.DateTimeField(help_text="When it was last found to be so.")
    ended_at = models.DateTimeField(null=True)
    begin_told = models.BooleanField(default=False)
    end_told = models.BooleanField(default=False)

    objects = AlertQuerySet.as_manager()

    class Meta:
        ordering = ["-since", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "subject"], condition=models.Q(ended_at=None), name="one_open_alert"
            )
        ]

    def __str__(self) -> str:
        return f"{self.rule} {self.subject}".strip()

    @property
    def sentence(self) -> str:
        """What is wrong, in the language of the page."""
        return sentence(self.rule, self.subject, self.figures)

    @property
    def advice(self) -> str:
        """What to do about it."""
        return advice(self.rule)
