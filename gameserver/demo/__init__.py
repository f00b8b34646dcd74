"""``gameserver demo``: the final of 2022 in a minute, on a server with people who bet on it."""
