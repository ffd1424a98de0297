"""The asset register. Every write of an asset publishes its events in the same transaction."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.utils import timezone

from invenicum.accounts.models import User
from invenicum.events.names import ASSET_ID, MAX_ASSET_ID
from invenicum.events.publish import Draft, publish_many
from invenicum.ids import uuid7

from .actor import current_actor, current_actor_key
from .documents import Snapshot, events_of
from .rules import MAX_CATEGORY, MAX_NAME, MAX_URL, URL, wrong_tags

Result = TypeVar("Result")


def generate_asset_id() -> str:
    return f"asset-{secrets.token_hex(6)}"


def validate_tags(tags: Any) -> None:
    problem = wrong_tags(tags)
    if problem:
        raise ValidationError(problem)


class AssetQuerySet(models.QuerySet["Asset"]):
    """Publishes the events of its writes, in a fixed number of statements whatever the number of rows."""

    def with_people(self) -> AssetQuerySet:
        """With what `snapshot` needs of the owner and the creator, in the same statement."""
        return self.select_related("owner", "created_by")

    def update(self, **values: Any) -> int:
        values.setdefault("updated_at", timezone.now())
        return self._publishing(lambda rows: models.QuerySet.update(rows, **values))

    def delete(self) -> tuple[int, dict[str, int]]:
        return self._publishing(lambda rows: models.QuerySet.delete(rows))

    # With these attributes Django keeps `delete` off the manager: `Asset.objects.delete()` must not exist.
    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]

    def bulk_create(self, objs: Iterable[Asset], *args: Any, **options: Any) -> list[Asset]:
        if len(args) > 1 or options.get("ignore_conflicts") or options.get("update_conflicts"):
            raise NotImplementedError("An asset that is skipped or replaced here would have no event.")
        with transaction.atomic(savepoint=False):
            created = super().bulk_create(objs, *args, **options)
            _publish_changes({}, _snapshots([asset.pk for asset in created]))
        return created

    def _publishing(self, write: Callable[[AssetQuerySet], Result]) -> Result:
        """Runs `write` on the rows that this queryset selects now, and publishes the difference."""
        with transaction.atomic(savepoint=False):
            before = _snapshots(self.values_list("pk", flat=True), lock=True)
            result = write(self.filter(pk__in=list(before)))
            _publish_changes(before, _snapshots(before))
        return result


class Asset(models.Model):
    """One thing in a user's inventory."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="assets", db_index=False)
    asset_id = models.CharField(
        max_length=MAX_ASSET_ID,
        default=generate_asset_id,
        validators=[RegexValidator(ASSET_ID, "Use letters, digits, dots, hyphens and underscores only.")],
        help_text="Its name in addresses and events; unique for its owner.",
    )
    name = models.CharField(max_length=MAX_NAME)
    category = models.CharField(max_length=MAX_CATEGORY, blank=True)
    tags = models.JSONField(default=list, blank=True, validators=[validate_tags])
    url = models.CharField(
        max_length=MAX_URL, blank=True, validators=[RegexValidator(URL, "Give an http or https address.")]
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        default=current_actor_key,
        related_name="+",
        editable=False,
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = AssetQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["owner", "asset_id"], name="one_asset_an_id")]
        indexes = [models.Index(fields=["owner", "id"], name="asset_owner_id")]

    def __str__(self) -> str:
        return f"{self.name} ({self.asset_id})"

    def save(self, *args: Any, **options: Any) -> None:
        with transaction.atomic(savepoint=False):
            is_new = self._state.adding and not options.get("force_update")  # then Django inserts, whatever the key
            before = {} if is_new else _snapshots([self.pk], lock=True)
            super().save(*args, **options)
            _publish_changes(before, _snapshots([self.pk]))

    def delete(self, *args: Any, **options: Any) -> tuple[int, dict[str, int]]:
        with transaction.atomic(savepoint=False):
            before = _snapshots([self.pk], lock=True)
            result = super().delete(*args, **options)
            _publish_changes(before, {})
        return result

    def snapshot(self) -> Snapshot:
        return Snapshot(
            owner_id=self.owner_id,
            owner=self.owner.public_id,
            asset_id=self.asset_id,
            name=self.name,
            category=self.category,
            tags=tuple(self.tags),
            url=self.url,
            created_by=(self.created_by or self.owner).public_id,
            created_at=self.created_at,
            updated_at=self.updated_at,
        )


def _snapshots(keys: Iterable[UUID], *, lock: bool = False) -> dict[UUID, Snapshot]:
    """The assets as the database has them now. `lock` keeps them so until the transaction ends."""
    rows = Asset.objects.with_people().filter(pk__in=list(keys)).order_by("pk")  # against deadlocks
    return {asset.pk: asset.snapshot() for asset in (rows.select_for_update(of=("self",)) if lock else rows)}


def _publish_changes(before: dict[UUID, Snapshot], after: dict[UUID, Snapshot]) -> None:
    user = current_actor()
    actor = user.public_id if user else None
    found = [item for key in {**before, **after} for item in events_of(before.get(key), after.get(key), actor)]
    publish_many(
        Draft(User(pk=item.asset.owner_id), item.name, item.data, document=item.asset.document()) for item in found
    )
