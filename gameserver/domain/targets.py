"""Nested targets: paths such as ``Argentina:1``, and a game's tree (protocol, "Names of actions and targets")."""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from gameserver.domain.names import MAX_PART_LENGTH, different, fold, part_id, parts_as_sent, split_list
from gameserver.errors import invalid

_IS_ID = re.compile("[a-z0-9]+([-:][a-z0-9]+)*")  # most names: already an id
NONE_ID = "none"
NONE_DISPLAY_NAME = "None"
_PLAIN = re.compile("(?=.{1,128}\\Z)[A-Za-z0-9-]+( [A-Za-z0-9-]+)*")


class Part(NamedTuple):
    """One step of a target's path: its id, and its name as first sent."""

    id: str
    display_name: str


Path = tuple[Part, ...]


class TargetNode(msgspec.Struct):
    """A target as a game's details show it; ``targets`` maps the children's own ids to their nodes.

    The fields after it are present if they have been set.
    """

    symbol: str
    display_name: str
    targets: "dict[str, TargetNode]"
    number: int | msgspec.UnsetType = msgspec.UNSET
    color: str | msgspec.UnsetType = msgspec.UNSET
    image_url: str | msgspec.UnsetType = msgspec.UNSET
    is_active: bool | msgspec.UnsetType = msgspec.UNSET


class TargetLabel(NamedTuple):
    """What has been set of a target; None is what has not been."""

    display_name: str | None = None
    symbol: str | None = None
    number: int | None = None
    color: str | None = None
    image_url: str | None = None
    is_active: bool | None = None


NO_LABEL = TargetLabel()


def path_id(parts: Iterable[str]) -> str:
    """The target id of a path of part ids: ``argentina:1``."""
    return ":".join(parts)


def parse_target(name: str, field: str, max_depth: int) -> Path:
    """The path that ``name`` spells.

    Raises `Rejected` (``invalid_parameter``) for empty parts, control characters, children of
    ``none``, parts of more than 128 characters and more than ``max_depth`` parts.
    """
    if _PLAIN.fullmatch(name):  # most names: one part, plain characters
        return (Part(name.lower().replace(" ", "-"), name),)
    parts = fold(name, field).split(":")
    if len(parts) > max_depth:
        raise invalid(field, f"{field} holds a target of {len(parts)} levels; at most {max_depth} are accepted")
    ids = [part_id(part, field) for part in parts]
    if ids[0] == NONE_ID and len(ids) > 1:
        raise invalid(field, f"{field} holds a child of 'none'; 'none' stands for no target and has no children")
    return tuple(map(Part, ids, parts_as_sent(name, field)))


def parse_targets(value: list[str] | str, field: str, max_depth: int, limit: int) -> list[Path]:
    """The different paths of a list parameter, in the order sent, each as first sent.

    Raises `Rejected` as `parse_target` does, and as soon as there are more than ``limit``.
    """
    paths: dict[str, Path] = {}
    for name in different(split_list(value)):
        path = parse_target(name, field, max_depth)
        paths.setdefault(path_id(part.id for part in path), path)
        if len(paths) > limit:
            raise invalid(field, f"{field} may name at most {limit} targets, 'none' included")
    return list(paths.values())


def target_key(name: str, field: str, max_depth: int) -> str:
    """The id that a name or id stands for: of a target, or of a binary pool's label. Raises `Rejected`."""
    if len(name) <= MAX_PART_LENGTH and _IS_ID.fullmatch(name):
        return name
    return path_id(part.id for part in parse_target(name.strip(), field, max_depth))


class TargetRow(NamedTuple):
    """A target as stored: its parent by number. Parents come before their children."""

    number: int
    parent: int | None
    id: str
    display_name: str

    @property
    def symbol(self) -> str:
        """The symbol of a target without a label."""
        return self.id[:3]


def build_tree(rows: Iterable[TargetRow], labels: Mapping[int, TargetLabel] | None = None) -> dict[str, TargetNode]:
    """The nested object of a game's targets, whose labels are by row; built in one pass, without recursion."""
    roots: dict[str, TargetNode] = {}
    children: dict[int | None, dict[str, TargetNode]] = {None: roots}
    for row in rows:
        node = TargetNode(row.symbol, row.display_name, {})
        if labels and row.number in labels:
            for field, value in labels[row.number]._asdict().items():
                if value is not None:
                    setattr(node, field, value)
        children[row.parent][row.id] = node
        children[row.number] = node.targets
    return roots


def target_ids(rows: Iterable[TargetRow]) -> dict[int, str]:
    """Row number → target id, the path of part ids."""
    ids: dict[int, str] = {}
    for row in rows:
        ids[row.number] = row.id if row.parent is None else f"{ids[row.parent]}:{row.id}"
    return ids


def missing_rows(existing: Iterable[TargetRow], paths: Iterable[Path], next_number: int) -> list[TargetRow]:
    """The rows to add so that every path, its ancestors and ``none`` exist; the first spelling is kept."""
    numbers = {(row.parent, row.id): row.number for row in existing}
    added: list[TargetRow] = []
    for path in (*paths, (Part(NONE_ID, NONE_DISPLAY_NAME),)):
        parent: int | None = None
        for part in path:
            number = numbers.get((parent, part.id))
            if number is None:
                number = next_number + len(added)
                numbers[parent, part.id] = number
                added.append(TargetRow(number, parent, part.id, part.display_name))
            parent = number
    return added
