import re
import uuid

from hypothesis import given
from hypothesis import strategies as st

from gameserver.storage.ids import new_uuid


@given(st.integers(0, 2**48 - 1))
def test_an_id_is_a_version_7_uuid_in_lower_case_of_its_moment(now_ms: int) -> None:
    text = new_uuid(now_ms)
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text)
    parsed = uuid.UUID(text)
    assert (parsed.version, parsed.variant, parsed.int >> 80) == (7, uuid.RFC_4122, now_ms)


def test_ids_grow_with_time_and_do_not_repeat() -> None:
    ids = [new_uuid(now_ms) for now_ms in range(1000, 2000)]
    assert ids == sorted(ids)
    assert len({new_uuid(5) for _ in range(1000)}) == 1000
