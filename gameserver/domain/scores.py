"""How events make a game's score (protocol, "Score")."""

from collections.abc import Mapping


def with_event(score: Mapping[str, int], root_id: str, points: int) -> dict[str, int]:
    """The score after an event of so many points by a root target, or by a target below it.

    Negative points go to each other root target instead.
    """
    if points >= 0:
        return {**score, root_id: score[root_id] + points}
    return {target_id: scored - points * (target_id != root_id) for target_id, scored in score.items()}
