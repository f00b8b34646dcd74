import pytest

from gameserver.domain.chat import BURST, MESSAGE_MS, next_used_until, require_writable, wait_ms
from gameserver.errors import ErrorCode, Rejected


def test_a_text_may_have_five_hundred_characters_besides_blanks_around_it() -> None:
    require_writable(" \n" + "😀" * 500 + "\n ", "text")
    with pytest.raises(Rejected, match="501") as refused:
        require_writable("x" * 501, "text")
    assert (refused.value.code, refused.value.field) == (ErrorCode.INVALID_PARAMETER, "text")


@pytest.mark.parametrize("pauses_ms", [[0] * 20, [500] * 20, [1_000] * 20, [0, 0, 3_000, 0, 10_000, 0, 0, 0, 0, 0, 0]])
def test_within_any_time_no_more_is_written_than_a_message_a_second_and_five(pauses_ms: list[int]) -> None:
    used_until, now_ms, written = 0, 1_000_000, list[int]()
    for pause_ms in pauses_ms:
        now_ms += pause_ms
        after = next_used_until(used_until, now_ms)
        wait = wait_ms(after, now_ms)
        if wait <= 0:
            used_until = after
            written.append(now_ms)
        else:
            assert wait_ms(next_used_until(used_until, now_ms + wait), now_ms + wait) == 0
    for first, began_ms in enumerate(written):
        for last, ended_ms in enumerate(written[first:], 1):
            assert last <= BURST + (ended_ms - began_ms) / MESSAGE_MS
    if pauses_ms == [1_000] * 20:
        assert len(written) == 20
