"""Filters of the admin's lists of deliveries and lanes; each finds its rows in an index, or in a small table."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from integrations.registry import CONNECTORS
from invenicum.ids import first_id_at

from .delivery_log import ERROR_CLASSES
from .models import Delivery, Lane, LaneQuerySet

Choices = list[tuple[str, str]]
USUAL_STATUSES = (400, 401, 403, 404, 410, 429, 500, 502, 503, 504)
AGES = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}


class TypeFilter(SimpleListFilter):
    title, parameter_name = "service", "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return sorted(((connector.type, connector.name) for connector in CONNECTORS), key=lambda choice: choice[1])

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(integration__type=self.value()) if self.value() else queryset


class LastErrorFilter(SimpleListFilter):
    """Those whose last attempt failed: it selects through the index `delivery_failing`."""

    title, parameter_name = "last error", "error_class"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("any", "any"), *((name, name) for name in (*ERROR_CLASSES, "crash"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> QuerySet[Delivery]:
        if not self.value():
            return queryset
        failing = queryset.filter(pk__in=Delivery.objects.failing().values("pk"))
        return failing if self.value() == "any" else failing.filter(error_class=self.value())


class HttpStatusFilter(SimpleListFilter):
    title, parameter_name = "HTTP status", "status_code"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        asked = request.GET.get(self.parameter_name, "")
        return [(str(status), str(status)) for status in sorted({*USUAL_STATUSES, *_status(asked)})]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> QuerySet[Delivery]:
        return queryset.filter(status_code=self.value()) if self.value() else queryset


class AgeFilter(SimpleListFilter):
    """By the time in the ids."""

    title, parameter_name = "age", "age"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(name, f"the last {name}") for name in AGES] + [("older", "older than a week")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> QuerySet[Delivery]:
        if self.value() == "older":
            return queryset.filter(pk__lt=first_id_at(timezone.now() - AGES["week"]))
        age = AGES.get(self.value() or "")
        return queryset.filter(pk__gte=first_id_at(timezone.now() - age)) if age else queryset


class CircuitFilter(SimpleListFilter):
    title = parameter_name = "circuit"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("failing", "failing"), ("open", "open")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Lane]) -> QuerySet[Lane]:
        assert isinstance(queryset, LaneQuerySet)
        match self.value():
            case "failing":
                return queryset.failing()
            case "open":
                return queryset.held(timezone.now())
        return queryset


def _status(text: str) -> tuple[int, ...]:
    return (int(text),) if text.isdecimal() and len(text) == 3 else ()
