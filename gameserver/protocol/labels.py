"""What can be set of a game's targets and actions (protocol, "Labels")."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from gameserver.protocol.declare import Message, Request, message
from gameserver.protocol.fields import ActionLabels, Color, Flag, ImageUrl, Label, Names, Symbol, TargetNumber


class TargetLabelParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What to set of a target; ``clear`` names what is to be as if it had never been set."""

    display_name: Label | None = None
    symbol: Symbol | None = None
    number: TargetNumber | None = None
    color: Color | None = None
    image_url: ImageUrl | None = None
    is_active: Flag | None = None
    clear: Names = ""


TargetLabels = Annotated[
    dict[str, TargetLabelParameters],
    Meta(
        description="an object of target → any of display_name (1 to 128 characters), symbol (1 to 8), number (0 to"
        " 999), color (#rrggbb), image_url (http or https), is_active, clear (names of these)"
    ),
]


class ContentsRequest(Request, frozen=True, kw_only=True):
    """The actions and targets that a game gets, and their labels."""

    actions: Names = ""
    targets: Names = ""
    labels: TargetLabels | None = None
    action_labels: ActionLabels | None = None


class ChangedLabel(msgspec.Struct, frozen=True):
    """What has changed of a target; what has been cleared is as if it had never been set, or null."""

    display_name: str | UnsetType = UNSET
    symbol: str | UnsetType = UNSET
    number: int | UnsetType | None = UNSET
    color: str | UnsetType | None = UNSET
    image_url: str | UnsetType | None = UNSET
    is_active: bool | UnsetType = UNSET


@message
class LabelsChanged(Message, tag=3422, frozen=True):
    """What is shown of targets and actions has changed: target id to what has changed, action id to name."""

    game_id: str
    labels: dict[str, ChangedLabel]
    action_labels: dict[str, str]
