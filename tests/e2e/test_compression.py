"""Compression with another library's client, which compresses all it sends."""

from contextlib import ExitStack
from pathlib import Path

import pytest
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, PerMessageDeflate

from tests.support.process import add_user, playing, serving

SMALL = ClientPerMessageDeflateFactory(client_max_window_bits=12, server_max_window_bits=12)  # its default
FACTORIES = {
    "as browsers": ClientPerMessageDeflateFactory(),
    "nothing limited": ClientPerMessageDeflateFactory(client_max_window_bits=None),
    "a whole window": ClientPerMessageDeflateFactory(server_max_window_bits=15),
    "no context": ClientPerMessageDeflateFactory(server_no_context_takeover=True, client_no_context_takeover=True),
}


@pytest.mark.parametrize("minimum", ["0", "256"])
def test_readers_of_every_kind_play_one_game_and_hear_the_same(database: Path, minimum: str) -> None:
    with serving(database, "--compress-min-bytes", minimum) as server, ExitStack() as stack:
        admin_key = add_user(database, "fifa", provider=True)["session_key"]
        admin = stack.enter_context(playing(server.url, admin_key, compression="deflate"))
        source_id = admin.call(365, source_name="World Cup")["source_id"]
        targets = [f"Team {number:03}" for number in range(300)]
        game = admin.call(370, source_id=source_id, game_name="x", type="y", actions=["Goal"], targets=targets)
        assert len(game["targets"]) == 301  # with "none"
        game_id = game["game_id"]
        admin.call(616, game_id=game_id)
        pool_id = admin.call(385, game_id=game_id, description="?", action_id="goal", targets=targets[:50])["pool_id"]
        readers = {"plain": stack.enter_context(playing(server.url, add_user(database, "plain")["session_key"]))}
        small_key = add_user(database, "small")["session_key"]
        readers["a small window"] = stack.enter_context(playing(server.url, small_key, extensions=[SMALL]))
        assert readers["a small window"].socket.protocol.extensions == []
        for number, (name, factory) in enumerate(FACTORIES.items()):
            key = add_user(database, f"user{number}")["session_key"]
            readers[name] = stack.enter_context(playing(server.url, key, extensions=[factory]))
            (extension,) = readers[name].socket.protocol.extensions
            assert isinstance(extension, PerMessageDeflate)
            assert (extension.remote_no_context_takeover, extension.local_no_context_takeover) == (True, True)
        for reader in readers.values():
            assert reader.call(363, game_id=game_id)["res"] == 333
        for reader in readers.values():
            for place in range(5):
                assert reader.call(392, pool_id=pool_id, target=targets[place], amount=1)["res"] == 356
        assert admin.call(395, game_id=game_id, action_id="goal", target_id=targets[0])["res"] == 366
        assert admin.call(375, game_id=game_id)["res"] == 341
        details = [reader.call(372, game_id=game_id) for reader in readers.values()]
        for reply in details:
            del reply["response_header"]
            del reply["subscribers"]  # who leave with the end of the game, while this is asked
        assert details == [details[0]] * len(details)
        told = [reader.hear_until(details[0]["seq"]) for reader in readers.values()]
        assert all(messages == told[0] for messages in told)
        assert {message["res"] for message in told[0]} >= {366, 362, 341}
