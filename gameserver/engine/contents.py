"""What a game is about: its actions and what they score, its nested targets, and their labels (protocol, "Labels")."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from gameserver.config import Settings
from gameserver.domain.names import action_id, parse_actions, split_list, too_many_actions
from gameserver.domain.targets import (
    NO_LABEL,
    Path,
    TargetLabel,
    TargetRow,
    missing_rows,
    parse_targets,
    target_ids,
    target_key,
)
from gameserver.engine.context import Change
from gameserver.errors import Rejected, invalid
from gameserver.protocol.codec import body_size
from gameserver.protocol.games import GameDetails, NewGame, NewGameMessage, UpdateGameDetails
from gameserver.protocol.labels import ChangedLabel, ContentsRequest, TargetLabelParameters
from gameserver.storage.labels import list_labels, update_action_names, update_active_targets, update_labels
from gameserver.storage.scores import update_scores
from gameserver.storage.targets import (
    insert_actions,
    insert_target_rows,
    list_actions,
    list_target_rows,
    next_target_number,
)

# The size of a target's object whose names are empty.
_LEAST_NODE_BYTES = len('"":{"symbol":"","display_name":"","targets":{}},')


class LabelChange(NamedTuple):
    """What a request sets of a target's label, and the names of the fields that it clears."""

    given: TargetLabel
    cleared: list[str]

    @property
    def values(self) -> dict[str, object]:
        """The fields that are set."""
        return {field: value for field, value in self.given._asdict().items() if value is not None}


class Contents(NamedTuple):
    """The actions and targets that a request adds to a game, and what it sets of them, by id."""

    actions: dict[str, str]
    targets: list[Path]
    labels: dict[str, LabelChange]
    action_labels: dict[str, str]
    scores: dict[str, int] | None

    @property
    def adds(self) -> bool:
        """Whether there are actions or targets."""
        return bool(self.actions or self.targets)

    @property
    def only_relabels(self) -> bool:
        """Whether there is nothing but labels."""
        return bool(self.labels or self.action_labels) and not self.adds and self.scores is None

    @property
    def field_at_fault(self) -> str | None:
        """The parameter to blame where a game's details become too long; None where there is nothing to blame."""
        given = {"targets": self.adds, "scores": self.scores, "labels": self.labels or self.action_labels}
        return next((field for field, value in given.items() if value), None)


def parse_contents(request: ContentsRequest, settings: Settings) -> Contents:
    """What the parameters spell. Raises `Rejected` for more than a game may have."""
    limit, depth = settings.max_targets, settings.max_target_depth
    contents = Contents(
        parse_actions(request.actions, "actions", settings.max_actions),
        parse_targets(request.targets, "targets", depth, limit),
        {target_key(name, "labels", depth): _parse_label(label) for name, label in (request.labels or {}).items()},
        {action_id(name, "action_labels"): label for name, label in (request.action_labels or {}).items()},
        _parse_scores(request.scores) if isinstance(request, NewGame | UpdateGameDetails) else None,
    )
    # Counting exactly is worth it only near the limit.
    if sum(map(len, contents.targets)) >= limit and len(missing_rows([], contents.targets, 1)) > limit:
        raise _too_many_targets(settings)
    if len(contents.targets) * _LEAST_NODE_BYTES > settings.max_details_bytes:
        raise details_too_long(settings)
    return contents


def _parse_scores(scores: dict[str, int] | None) -> dict[str, int] | None:
    return None if scores is None else {action_id(name, "scores"): points for name, points in scores.items()}


def _parse_label(label: TargetLabelParameters) -> LabelChange:
    change = LabelChange(TargetLabel._make(getattr(label, field) for field in TargetLabel._fields), [])
    return change._replace(cleared=parse_cleared(label.clear, TargetLabel._fields, change.values, "labels"))


def parse_cleared(value: list[str] | str, known: Iterable[str], given: Iterable[str], field: str) -> list[str]:
    """The parameters that ``clear`` names. Raises `Rejected` unless they are known, and not given as well."""
    known, given = tuple(known), tuple(given)
    cleared = list(split_list(value))
    for name in cleared:
        if name not in known:
            raise invalid(field, f"clear may name {', '.join(known)}, not {name[:40]!r}")
        if name in given:
            raise invalid(field, f"{name} is both given and cleared; do one of the two")
    return cleared


def add_contents(change: Change, game_id: int, contents: Contents) -> None:
    """Add the actions and targets that the game does not have yet, and ``none``.

    Raises ``invalid_parameter`` beyond a game's limits.
    """
    connection, settings = change.connection, change.settings
    if len(list_actions(connection, game_id) | contents.actions) > settings.max_actions:
        raise too_many_actions("actions", settings.max_actions)
    existing = list_target_rows(connection, game_id)
    added = missing_rows(existing, contents.targets, next_target_number(connection))
    if len(existing) + len(added) > settings.max_targets:
        raise _too_many_targets(settings)
    insert_target_rows(connection, game_id, added)
    insert_actions(connection, game_id, contents.actions)
    if existing and added:
        update_active_targets(connection, game_id)


def set_contents(change: Change, game_id: int, contents: Contents) -> dict[str, ChangedLabel]:
    """Set what is given of the game's actions and targets; what is shown of each target from now on, where it changes.

    Raises ``invalid_parameter`` for actions and targets that the game does not have.
    """
    if contents.scores is not None:
        _require_actions(change, game_id, contents.scores, "scores")
        update_scores(change.connection, game_id, contents.scores)
    _require_actions(change, game_id, contents.action_labels, "action_labels")
    update_action_names(change.connection, game_id, contents.action_labels)
    return _set_labels(change, game_id, contents.labels) if contents.labels else {}


def _require_actions(change: Change, game_id: int, keys: Iterable[str], field: str) -> None:
    known = list_actions(change.connection, game_id)
    for key in keys:
        if key not in known:
            raise invalid(field, f"this game has no action {key[:80]!r}; get_game_details lists its actions")


def _set_labels(change: Change, game_id: int, changes: dict[str, LabelChange]) -> dict[str, ChangedLabel]:
    connection = change.connection
    targets = list_target_rows(connection, game_id)
    rows = dict(zip(target_ids(targets).values(), targets, strict=True))
    for key in changes:
        if key not in rows:
            raise invalid("labels", f"this game has no target {key[:80]!r}; get_game_details lists its targets")
    labels = list_labels(connection, game_id)
    new = {
        rows[key].number: _relabelled(labels.get(rows[key].number, NO_LABEL), label) for key, label in changes.items()
    }
    update_labels(connection, game_id, new)
    update_active_targets(connection, game_id)
    return {key: _changed(rows[key], label) for key, label in changes.items()}


def _relabelled(label: TargetLabel, change: LabelChange) -> TargetLabel:
    return TargetLabel._make(({**label._asdict(), **change.values, **dict.fromkeys(change.cleared)}).values())


def _changed(row: TargetRow, change: LabelChange) -> ChangedLabel:
    """What is shown of a target after a change of its label, where it changes."""
    unset = {"display_name": row.display_name, "symbol": row.symbol, "is_active": True}
    cleared = {field: unset.get(field) for field in change.cleared}
    return msgspec.convert({**change.values, **cleared}, ChangedLabel)


def _too_many_targets(settings: Settings) -> Rejected:
    text = f"a game may have at most {settings.max_targets} targets, implied ancestors and 'none' included"
    return invalid("targets", text)


def require_details_fit(change: Change, details: NewGameMessage | GameDetails, field: str = "targets") -> None:
    """Raise ``invalid_parameter`` if a game's details are longer than they may be."""
    if body_size(details) > change.settings.max_details_bytes:
        raise details_too_long(change.settings, field)


def details_too_long(settings: Settings, field: str = "targets") -> Rejected:
    """The refusal of what would make a game's details longer than they may be."""
    text = f"a game's details may have at most {settings.max_details_bytes} bytes; send fewer actions, targets, labels"
    return invalid(field, text)
